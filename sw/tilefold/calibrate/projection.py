"""Projections: the 1 × 1 convolutions on both sides of a stored map.

::

    convolution ─► Compress ─► nonlinearity ─► [stored map] ─► Expand ─► convolution
         M            K             K               K             M

So they stand where they fold into both convolutions: around the nonlinearity. On one side of it,
they stand together, and the stored map is between them: see :mod:`~tilefold.calibrate.beside`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Weights of both: ``y = P x + p`` is stored, and ``R y + r`` restored."""

    #: P: float32[K, M].
    compress: Tensor
    #: R: float32[M, K].
    expand: Tensor
    #: p: float32[K], if any.
    compress_bias: Tensor | None = None
    #: r: float32[M], if any.
    expand_bias: Tensor | None = None


class Compress(nn.Conv2d):
    """K_C: from the M channels that a convolution computes to the K that are stored."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None):
        super().__init__(weight.shape[1], weight.shape[0], 1, bias=bias is not None)
        _fill(self, weight, bias)


class Expand(nn.Conv2d):
    """K_D: from the K channels that are stored to the M that the next convolution reads."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None):
        super().__init__(weight.shape[1], weight.shape[0], 1, bias=bias is not None)
        _fill(self, weight, bias)


def _fill(layer: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> None:
    with torch.no_grad():
        layer.weight.copy_(weight[:, :, None, None])
        if layer.bias is not None and bias is not None:
            layer.bias.copy_(bias)
