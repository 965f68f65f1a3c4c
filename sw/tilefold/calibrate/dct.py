"""Two-dimensional DCT-II of the tiles of maps, in floats and with gradients.

The hardware's is :mod:`tilefold.model.dct`, in integers; this one is what it rounds.
"""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import pad


@lru_cache
def basis(n: int) -> Tensor:
    """Orthonormal DCT-II of *n* points: ``float64[frequency, point]``."""
    point = torch.arange(n, dtype=torch.float64)
    matrix: Tensor = torch.cos(torch.pi / n * (point + 0.5) * point[:, None]) * (2 / n) ** 0.5
    matrix[0] /= 2**0.5
    return matrix


def dct(maps: Tensor, n: int) -> Tensor:
    """Transform maps, padded by edge replication to whole tiles, into coefficients.

    Parameters
    ----------
    maps : float[images, C, H, W]
    n : int
        Points on a side of a tile.

    Returns
    -------
    float[images, G, C, n·n]
        Coefficients of the tiles in raster order, in scan order: raster over (u, v), *u* the
        horizontal frequency.
    """
    images, channels, height, width = maps.shape
    padded = pad(maps, (0, -width % n, 0, -height % n), mode="replicate")
    tiles = padded.reshape(images, channels, -(-height // n), n, -(-width // n), n)
    groups = tiles.permute(0, 2, 4, 1, 5, 3).reshape(images, -1, channels, n * n)  # columns first
    # One product with all of a tile is several times faster than one along each side.
    return groups @ torch.kron(basis(n), basis(n)).T.to(maps.dtype)
