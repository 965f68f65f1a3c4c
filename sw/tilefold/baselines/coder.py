"""Coder: what all baselines have in common, and what their samples are."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tilefold_hw.fixed import Q

from ..model.arith import Ints, require

Counts = NDArray[np.int64]
"""How many bits, or how often something was seen."""

Stored = NDArray[np.unsignedinteger[Any]]
"""Memory words of whichever width a coder uses."""


class Coder(Protocol):
    """A lossless coder of maps.

    A map goes as one stream in raster order, a channel after the other. Its shape is known on both
    sides, so no end is marked. Samples are relative to what stands for zero: an accelerator with
    another zero point subtracts it before, or no sample is zero.
    """

    @property
    def name(self) -> str:
        """What a table calls it."""

    def bits(self, samples: Ints) -> Counts:
        """Bits that each map of a batch takes.

        Parameters
        ----------
        samples : int[n, C, H, W]

        Returns
        -------
        int64[n]
            ``8 * encode(each).nbytes``, computed for all at once.

        Raises
        ------
        TypeError, ValueError
            If *samples* has another shape, no value, or one that the coder's format can't hold.
        """

    def encode(self, samples: Ints) -> Stored:
        """Encode a map, ``int[C, H, W]``."""

    def decode(self, stored: Stored, shape: tuple[int, int, int]) -> Ints:
        """Decode a map: the inverse of :meth:`encode`, ``int32[C, H, W]``.

        Raises
        ------
        ValueError
            If *stored* is no map of this shape.
        """


def streams(samples: Ints, sample: Q) -> Ints:
    """Check a batch, and return its maps as streams: ``int[n, C, H, W]`` to ``int[n, C·H·W]``."""
    require(samples, sample, "samples")
    if samples.ndim != 4 or 0 in samples.shape:
        raise ValueError(f"samples must have shape [n, C, H, W] and values, not {samples.shape}")
    return samples.reshape(len(samples), -1)


def require_width(sample: Q) -> None:
    """Raise unless a sample of this format fits 16 bits, as in all that the coders are made for."""
    if sample.width > 16:
        raise ValueError(f"sample must have 1 to 16 bits, not {sample.width}")


def unsigned(samples: Ints, sample: Q) -> Counts:
    """Bits of samples as unsigned integers: ``int64[...]``."""
    return samples.astype(np.int64) & (1 << sample.width) - 1


def signed(raw: Ints, sample: Q) -> Ints:
    """Samples of these bits, the inverse of :func:`unsigned`: ``int32[...]``."""
    values = raw.astype(np.int32)
    if sample.signed:
        values -= (values >> sample.width - 1) << sample.width
    return values
