"""Samples: the integers that a map is stored as, and training through their rounding."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tilefold_hw.fixed import Q


@dataclass(frozen=True, slots=True)
class Quantiser:
    """What the samples of a map are worth: *q* stands for ``scale · (q - zero)``."""

    scale: float
    zero: int
    #: Format of a sample.
    q: Q

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"scale must be finite and more than 0, not {self.scale}")
        if not self.q.min <= self.zero <= self.q.max:
            raise ValueError(f"zero must be {self.q.min} to {self.q.max}, not {self.zero}")

    @classmethod
    def of(cls, low: float, high: float, q: Q) -> "Quantiser":
        """Choose the finest scale that holds values from *low* to *high*.

        A map without negative values uses all samples for the positive ones; any other has its zero
        in the middle, so that both signs are rounded alike.
        """
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise ValueError(f"range must be finite and in order, not {low} to {high}")
        zero = q.min if low >= 0 else (q.min + q.max + 1) // 2
        top = max(high, -low)
        # A map of zeros alone has any scale.
        return cls(top / (q.max - zero) if top > 0 else 1.0, zero, q)

    def samples(self, values: Tensor) -> Tensor:
        """Round to samples, half up, and clamp to their range.

        Parameters
        ----------
        values : float32[...]

        Returns
        -------
        int32[...]
        """
        rounded = torch.floor(values.detach() / self.scale + 0.5) + self.zero
        return rounded.clamp(self.q.min, self.q.max).int()

    def values(self, samples: Tensor) -> Tensor:
        """Undo :meth:`samples`, but for what its rounding and clamp lost: float32[...]."""
        return (samples - self.zero) * self.scale

    def through(self, values: Tensor) -> Tensor:
        """Round to samples and back; gradients pass the rounding, and stop at the clamp.

        Parameters
        ----------
        values : float32[...]

        Returns
        -------
        float32[...]
        """
        low, high = ((limit - self.zero) * self.scale for limit in (self.q.min, self.q.max))
        return straight_through(values.clamp(low, high), self.values(self.samples(values)))


def straight_through(values: Tensor, rounded: Tensor) -> Tensor:
    """Return *rounded*, with the gradient of *values* (Bengio et al. 2013)."""
    return values + (rounded - values).detach()
