"""Huffman coding with one code for all images, fitted to others."""

from dataclasses import dataclass

import numpy as np

from tilefold_hw.fixed import Q

from ..model.arith import Ints
from .coder import Counts, Stored, require_width, signed, streams, unsigned
from .huffman import Code, code_lengths

LIMIT = 16
"""Bits of the longest code, as in JPEG."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """Huffman coding of samples with a code that was made from other images.

    Both sides know the code, so no table is stored. A sample that was never seen is stored as an
    escape, which counts as seen once, and then its bits.

    Source
    ------
    Huffman 1952; codes of up to 16 bits as in JPEG (ITU-T T.81).
    """

    #: Format of a sample, of up to 16 bits.
    sample: Q
    #: A code for each sample, by its bits as an unsigned integer.
    code: Code

    @property
    def name(self) -> str:
        """What a table calls it."""
        return "Huffman, fitted"

    @classmethod
    def fit(cls, samples: Ints, sample: Q) -> "Fitted":
        """Make the code from the maps of some images, ``int[n, C, H, W]``."""
        require_width(sample)
        raw = unsigned(streams(samples, sample).ravel(), sample)
        return cls.of(np.bincount(raw, minlength=1 << sample.width), sample)

    @classmethod
    def of(cls, counts: Counts, sample: Q) -> "Fitted":
        """Make the code from how often each sample was seen.

        Parameters
        ----------
        counts : int[2**width]
            By a sample's bits as an unsigned integer.
        """
        require_width(sample)
        if counts.shape != (1 << sample.width,):
            raise ValueError(f"counts must be {1 << sample.width}, not of shape {counts.shape}")
        return cls(sample, _with_escapes(counts, sample.width))

    def bits(self, samples: Ints) -> Counts:
        """Bits of each map: ``int[n, C, H, W]`` to ``int64[n]``, whole bytes."""
        # Row by row: bits and lengths have eight times the bytes that samples may have.
        rows = streams(samples, self.sample)
        bits = [int(self.code.lengths[unsigned(row, self.sample)].sum()) for row in rows]
        return 8 * -(-np.array(bits, dtype=np.int64) // 8)

    def encode(self, samples: Ints) -> Stored:
        """Encode ``int[C, H, W]`` to ``uint8[bytes]``."""
        row = streams(samples[np.newaxis], self.sample)[0]
        return self.code.encode(unsigned(row, self.sample))

    def decode(self, stored: Stored, shape: tuple[int, int, int]) -> Ints:
        """Decode ``uint8[bytes]`` to ``int32[C, H, W]``."""
        raw = self.code.decode(stored.astype(np.uint8), int(np.prod(shape)))
        return signed(raw, self.sample).reshape(shape)


def _with_escapes(counts: Counts, width: int) -> Code:
    """Make a code of samples that were seen and an escape, which begins the codes of all others."""
    unseen = np.flatnonzero(counts == 0)
    escape = len(counts)
    inner = Code.canonical(code_lengths(np.append(counts, len(unseen) > 0), LIMIT))
    lengths, codes = inner.lengths[:escape].copy(), inner.codes[:escape].copy()
    lengths[unseen] = inner.lengths[escape] + width
    codes[unseen] = inner.codes[escape] << width | unseen
    return Code(lengths, codes)
