"""PACT: a bounded ReLU whose bound is trained, and which rounds to a few levels.

Source: Choi et al. 2018, *PACT: Parameterized Clipping Activation for Quantized Neural Networks*.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .sample import straight_through

_LEAST = 1e-6
"""The least bound: one that training pushes below 0 would turn all signs."""


class Pact(nn.Module):
    """``min(max(x, 0), α)``, rounded to a multiple of ``α / (2**bits - 1)``, half up.

    What it gives are samples of *bits* bits, unsigned, in units of :attr:`scale`. Gradients pass
    the rounding: to *x* where ``0 < x < α``, to α where ``x ≥ α``.

    Parameters
    ----------
    bound : float
        α to begin with.
    bits : int, optional
        1 to 16; left out, nothing is rounded.
    """

    def __init__(self, bound: float, bits: int | None = None):
        super().__init__()
        if not bound > _LEAST:
            raise ValueError(f"bound must be more than {_LEAST}, not {bound}")
        if bits is not None and not 1 <= bits <= 16:
            raise ValueError(f"bits must be 1 to 16, or None for no rounding, not {bits}")
        self.bound = nn.Parameter(torch.tensor(float(bound)))
        self.bits = bits

    @property
    def levels(self) -> int:
        """The largest sample; the smallest is 0."""
        if self.bits is None:
            raise ValueError("bits must be set for samples, not None")
        return int(2**self.bits - 1)

    @property
    def scale(self) -> float:
        """What a sample's unit is worth."""
        return float(self.bound.detach().clamp(min=_LEAST)) / self.levels

    def forward(self, x: Tensor) -> Tensor:
        """Bound and round *x*, float32[...]."""
        bound = self.bound.clamp(min=_LEAST)
        bounded = torch.minimum(torch.relu(x), bound)
        if self.bits is None:
            return bounded
        # As a share of the bound, so that the gradient to α is 1 where x is above and 0 below.
        rounded = torch.floor(bounded.detach() / bound.detach() * self.levels + 0.5)
        return straight_through(bounded, rounded * (bound.detach() / self.levels))


def first_bound(square: float, most: float, bits: int) -> float:
    """Choose a bound to begin with: that with about the least error in the mean.

    For values of an exponential distribution, what the bound cuts off and what the rounding loses
    are together ``2 b² exp(-α / b) + α² / (12 · 4**bits)``, which is least where
    ``α / b · exp(α / b) = 12 · 4**bits``.

    Parameters
    ----------
    square : float
        Mean square of the values: ``2 b²``.
    most : float
        The largest of them, which the bound will not be above.

    Source
    ------
    Banner et al. 2019, for a distribution with two sides.
    """
    log = math.log(12 * 4**bits)
    ratio = log
    for _ in range(9):  # Newton's method, to all digits
        ratio = (1 + log - math.log(ratio)) / (1 + 1 / ratio)
    return max(min(ratio * math.sqrt(square / 2), most), 2 * _LEAST)


@contextmanager
def unrounded(*networks: nn.Module) -> Iterator[None]:
    """Let all :class:`Pact` in *networks* bound, but not round, meanwhile.

    So networks can be compared that compute the same: the last bit of a float may decide where a
    value near half a step is rounded to, and then results differ by a step.
    """
    layers = [each for one in networks for each in one.modules() if isinstance(each, Pact)]
    bits = [each.bits for each in layers]
    try:
        for each in layers:
            each.bits = None
        yield
    finally:
        for each, before in zip(layers, bits, strict=True):
            each.bits = before
