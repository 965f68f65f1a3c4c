"""Huffman coding with a code for each map of each image."""

from dataclasses import dataclass

import numpy as np

from tilefold_hw.fixed import Q

from ..model.arith import Ints
from .coder import Counts, Stored, require_width, signed, streams, unsigned
from .huffman import Code, Table, code_lengths, write

LIMIT = 16
"""Bits of the longest code, as in JPEG."""


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Huffman coding of samples with a code that is made for the map, and stored in front of it.

    An encoder has to see the whole map before it can store the first sample.

    Source
    ------
    Huffman 1952; table and codes of up to 16 bits as in JPEG (ITU-T T.81).
    """

    #: Format of a sample, of up to 16 bits.
    sample: Q

    def __post_init__(self) -> None:
        require_width(self.sample)

    @property
    def name(self) -> str:
        """What a table calls it."""
        return "Huffman, adaptive"

    @property
    def table(self) -> Table:
        """How a code is told."""
        return Table(self.sample.width, LIMIT)

    def bits(self, samples: Ints) -> Counts:
        """Bits of each map: ``int[n, C, H, W]`` to ``int64[n]``, whole bytes, tables counted."""
        bits = []
        for row in streams(samples, self.sample):
            counts = self._counts(row)
            lengths = code_lengths(counts, LIMIT)
            bits.append(self.table.bits(lengths) + int(counts @ lengths))
        return 8 * -(-np.array(bits, dtype=np.int64) // 8)

    def encode(self, samples: Ints) -> Stored:
        """Encode ``int[C, H, W]`` to ``uint8[bytes]``."""
        row = streams(samples[np.newaxis], self.sample)[0]
        code = Code.canonical(code_lengths(self._counts(row), LIMIT))
        values, widths = self.table.fields(code.lengths)
        raw = unsigned(row, self.sample)
        return write(
            np.concatenate([values, code.codes[raw]]), np.concatenate([widths, code.lengths[raw]])
        )

    def decode(self, stored: Stored, shape: tuple[int, int, int]) -> Ints:
        """Decode ``uint8[bytes]`` to ``int32[C, H, W]``."""
        stored = stored.astype(np.uint8)
        lengths = self.table.lengths(stored)
        start = self.table.bits(lengths)
        raw = Code.canonical(lengths).decode(stored, int(np.prod(shape)), start)
        return signed(raw, self.sample).reshape(shape)

    def _counts(self, row: Ints) -> Counts:
        return np.bincount(unsigned(row, self.sample), minlength=1 << self.sample.width)
