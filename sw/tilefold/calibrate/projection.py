"""Projections: the 1 × 1 convolutions around a stored map, before they are folded away.

::

    convolution ─► Compress ─► nonlinearity ─► [stored map] ─► Expand ─► convolution
         M            K             K               K             M
"""

import torch
from torch import Tensor, nn


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
