"""Zeros as bits of a mask: NullHop's sparsity map, and zero-value compression."""

from dataclasses import dataclass

import numpy as np

from tilefold_hw.fixed import Q

from ..model.arith import Ints
from .coder import Counts, Stored, require_width, signed, streams


@dataclass(frozen=True, slots=True)
class ZeroMask:
    """A mask for every block of values, a bit each, and behind it those that are not zero.

    All is packed with no gap into words as long as a mask, the least significant bit first; the
    last one is padded with zeros. The last block is filled up with zeros, too. At worst, where no
    sample is zero, a map takes a bit more for each.
    """

    #: What a table calls it.
    name: str
    #: Values of a block, which are bits of a word: 8, 16, 32 or 64.
    block: int
    #: Format of a sample, of up to 16 bits.
    sample: Q

    def __post_init__(self) -> None:
        require_width(self.sample)
        if self.block not in (8, 16, 32, 64):
            raise ValueError(f"block must have 8, 16, 32 or 64 values, not {self.block}")

    def bits(self, samples: Ints) -> Counts:
        """Bits of each map: ``int[n, C, H, W]`` to ``int64[n]``."""
        rows = streams(samples, self.sample)
        masks = -(-rows.shape[1] // self.block) * self.block
        values = np.count_nonzero(rows, axis=1).astype(np.int64) * self.sample.width
        bits: Counts = -(-(masks + values) // self.block) * self.block
        return bits

    def encode(self, samples: Ints) -> Stored:
        """Encode ``int[C, H, W]`` to ``uint[words]`` of ``block`` bits."""
        row = streams(samples[np.newaxis], self.sample)[0]
        blocks = np.pad(row.astype(np.int64), (0, -len(row) % self.block)).reshape(-1, self.block)
        mask = blocks != 0
        values = blocks[:, :, np.newaxis] >> np.arange(self.sample.width) & 1
        bits = np.concatenate([mask, values.reshape(len(blocks), -1)], axis=1).astype(bool)
        kept = np.concatenate(
            [np.ones_like(mask), np.repeat(mask, self.sample.width, axis=1)], axis=1
        )
        stored = bits[kept]
        padded = np.pad(stored, (0, -len(stored) % self.block))
        return np.packbits(padded, bitorder="little").view(f"<u{self.block // 8}")

    def decode(self, stored: Stored, shape: tuple[int, int, int]) -> Ints:
        """Decode ``uint[words]`` to ``int32[C, H, W]``."""
        bits = np.unpackbits(np.ascontiguousarray(stored).view(np.uint8), bitorder="little")
        count, width = int(np.prod(shape)), self.sample.width
        weights = 1 << np.arange(width)
        values = np.zeros((-(-count // self.block), self.block), dtype=np.int64)
        place = 0
        for block in values:
            # Where a block begins is told only by the masks of those before it.
            where = np.flatnonzero(bits[place : place + self.block])
            place += self.block
            raw = bits[place : place + len(where) * width]
            place += len(where) * width
            if place > len(bits):
                break
            block[where] = raw.reshape(-1, width) @ weights
        if len(bits) != -(-place // self.block) * self.block or bits[place:].any():
            raise ValueError(f"words must hold the {count} values of a map, and nothing else")
        return signed(values.ravel()[:count], self.sample).reshape(shape)


def sparsity_map(sample: Q) -> ZeroMask:
    """NullHop's sparsity map: words of 16 bits, a mask and then the values that it marks.

    Source
    ------
    Aimar et al. 2019, "NullHop": for 16-bit samples, each a word. Shorter ones are packed here, as
    a build for them would do it.
    """
    return ZeroMask("sparsity map", 16, sample)


def zero_value(sample: Q) -> ZeroMask:
    """Zero-value compression: a mask of 32 bits for 32 values.

    Source
    ------
    Rhu et al. 2018, "Compressing DMA engine": for samples of 32 bits, each a word. Shorter ones are
    packed here.
    """
    return ZeroMask("zero-value", 32, sample)
