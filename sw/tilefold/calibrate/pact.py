"""PACT: a bounded ReLU whose bound is trained, and which rounds to a few levels.

Source: Choi et al. 2018, *PACT: Parameterized Clipping Activation for Quantized Neural Networks*.
"""

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
