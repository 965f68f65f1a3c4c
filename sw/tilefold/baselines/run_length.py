"""Run-length coding of zeros, as in Eyeriss."""

from dataclasses import dataclass

import numpy as np

from tilefold_hw.fixed import Q

from ..model.arith import Ints
from .coder import Counts, Stored, require_width, signed, streams, unsigned

WORD = 64
"""Bits of a word."""

RUN = 5
"""Bits of a run."""

LONGEST = 1 << RUN
"""Values that a pair stands for at most: 31 zeros, and the level behind them."""


@dataclass(frozen=True, slots=True)
class RunLength:
    """Pairs of a run of zeros and the value behind it, packed into words of 64 bits.

    A pair is a run of 0 to 31 in 5 bits, then a level: a sample. A longer run goes on behind a
    level of zero, which is one more zero of it. A word holds as many pairs as fit beside its last
    bit, which says whether it is the map's last one: three of 16-bit samples, four of 8-bit ones.
    The first pair is the least significant; what is left of a word is zero.

    At worst, where no sample is zero, 16-bit samples take a third more than they had.

    Source
    ------
    Chen et al. 2017, "Eyeriss", run-length compression, for 16-bit samples; for others only the
    level's width is another. It is the baseline of Vogel et al. 2019.
    """

    #: Format of a sample, of up to 16 bits.
    sample: Q

    def __post_init__(self) -> None:
        require_width(self.sample)

    @property
    def name(self) -> str:
        """What a table calls it."""
        return "run-length"

    @property
    def pairs(self) -> int:
        """Pairs of a word."""
        return (WORD - 1) // self._pair

    @property
    def _pair(self) -> int:
        return RUN + self.sample.width

    def bits(self, samples: Ints) -> Counts:
        """Bits of each map: ``int[n, C, H, W]`` to ``int64[n]``."""
        rows = streams(samples, self.sample)
        ends, spans = _spans(rows)
        # A row ends with a level, so that none is shared by two maps.
        pairs = np.bincount(ends // rows.shape[1], _pairs(spans)).astype(np.int64)
        return WORD * -(-pairs // self.pairs)

    def encode(self, samples: Ints) -> Stored:
        """Encode ``int[C, H, W]`` to ``uint64[words]``."""
        rows = streams(samples[np.newaxis], self.sample)
        ends, spans = _spans(rows)
        counts = _pairs(spans)
        last = np.cumsum(counts) - 1
        slots = np.zeros(-(-int(counts.sum()) // self.pairs) * self.pairs, dtype=np.uint64)
        slots[: last[-1]] = LONGEST - 1
        slots[last] = spans - LONGEST * (counts - 1) - 1
        levels = unsigned(rows.ravel()[ends], self.sample).astype(np.uint64)
        slots[last] |= levels << np.uint64(RUN)
        places = np.arange(self.pairs, dtype=np.uint64) * np.uint64(self._pair)
        words: Stored = np.bitwise_or.reduce(slots.reshape(-1, self.pairs) << places, axis=1)
        words[-1] |= np.uint64(1 << WORD - 1)
        return words

    def decode(self, stored: Stored, shape: tuple[int, int, int]) -> Ints:
        """Decode ``uint64[words]`` to ``int32[C, H, W]``."""
        flags = stored >> np.uint64(WORD - 1)
        if len(stored) == 0 or flags.argmax() != len(stored) - 1 or not flags[-1]:
            raise ValueError("words of a map must end with the one that is marked as the last")
        places = np.arange(self.pairs, dtype=np.uint64) * np.uint64(self._pair)
        slots = (stored[:, np.newaxis] >> places).ravel()
        runs = (slots & np.uint64(LONGEST - 1)).astype(np.int64)
        raw = slots >> np.uint64(RUN) & np.uint64((1 << self.sample.width) - 1)
        values = np.zeros(int((runs + 1).sum()), dtype=np.int32)
        values[np.cumsum(runs + 1) - 1] = signed(raw, self.sample)
        count = int(np.prod(shape))
        # The last word's unused pairs are a zero each.
        surplus = values[count:]
        if len(values) < count or len(surplus) >= self.pairs or surplus.any():
            raise ValueError(f"words must hold the {count} values of a map, not {len(values)}")
        return values[:count].reshape(shape)


def _spans(rows: Ints) -> tuple[Counts, Counts]:
    """Find the levels: where each stands, and the values up to it, itself and zeros before it.

    The last value of a row is a level though it be zero.
    """
    levels = rows != 0
    levels[:, -1] = True
    ends = np.flatnonzero(levels)
    return ends, np.diff(ends, prepend=-1)


def _pairs(spans: Counts) -> Counts:
    return -(-spans // LONGEST)
