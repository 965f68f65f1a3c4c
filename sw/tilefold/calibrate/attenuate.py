"""Attenuation: a factor on each coefficient of a map, the same in all channels and tiles.

What a factor of 0 would do to the network, and what its gradient at 1 is, tells which coefficients
can go.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from .codec import to_maps, to_tiles
from .dct import basis


def attenuate(maps: Tensor, factors: Tensor, n: int) -> Tensor:
    """Transform maps, multiply their coefficients with *factors*, and transform back.

    Parameters
    ----------
    maps : float32[images, C, H, W]
    factors : float32[..., K]
        In scan order; what is in front of K is broadcast against ``[images, G, C]``.
    n : int
        Points on a side of a tile.

    Returns
    -------
    float32[images, C, H, W]
    """
    height, width = maps.shape[2:]
    border = (0, -width % n, 0, -height % n)
    tiles = to_tiles(pad(maps, border, mode="replicate") if any(border) else maps, n)
    both = torch.kron(basis(n), basis(n)).to(maps.dtype)  # [uv, xy]
    found = tiles.transpose(-1, -2).flatten(4).flatten(1, 2) @ both.T
    back = ((found * factors) @ both).reshape(tiles.shape).transpose(-1, -2)
    return to_maps(back, height, width)
