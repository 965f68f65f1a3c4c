"""Maps to tile groups and back: what the host does around the streams."""

from math import isqrt

import numpy as np

from .arith import Ints


def group_count(height: int, width: int, n: int) -> int:
    """Tile groups that cover a map of *height* × *width* pixels with *n* × *n* tiles."""
    return -(-height // n) * -(-width // n)


def cut(maps: Ints, n: int) -> Ints:
    """Cut a map into tile groups, padded by edge replication to whole tiles.

    Parameters
    ----------
    maps : int[C, H, W]
        Feature map, channels first.
    n : int
        Points on a side of a tile.

    Returns
    -------
    int[G, n·n, C]
        Tile groups in raster order, each pixel-major, its pixels in raster order.

    >>> cut(np.arange(9).reshape(1, 3, 3), 4)[0, :, 0].reshape(4, 4).tolist()
    [[0, 1, 2, 2], [3, 4, 5, 5], [6, 7, 8, 8], [6, 7, 8, 8]]
    """
    if maps.ndim != 3 or 0 in maps.shape:
        raise ValueError(f"map must have shape [channels, height, width], not {maps.shape}")
    channels, height, width = maps.shape
    padded = np.pad(maps, ((0, 0), (0, -height % n), (0, -width % n)), mode="edge")
    tiles = padded.reshape(channels, -(-height // n), n, -(-width // n), n)
    return tiles.transpose(1, 3, 2, 4, 0).reshape(-1, n * n, channels)


def join(groups: Ints, height: int, width: int) -> Ints:
    """Join tile groups into a map and crop the padding: the inverse of :func:`cut`.

    Parameters
    ----------
    groups : int[G, n·n, C]
        Tile groups.
    height, width : int
        Size of the map.

    Returns
    -------
    int[C, H, W]
    """
    if groups.ndim != 3 or 0 in groups.shape or isqrt(groups.shape[1]) ** 2 != groups.shape[1]:
        raise ValueError(f"tile groups must have shape [groups, n·n, channels], not {groups.shape}")
    count, pixels, channels = groups.shape
    n = isqrt(pixels)
    if count != group_count(height, width, n):
        raise ValueError(
            f"a map of {height} × {width} must have {group_count(height, width, n)} tile groups, "
            f"not {count}"
        )
    tiles = groups.reshape(-(-height // n), -(-width // n), n, n, channels)
    whole = tiles.transpose(4, 0, 2, 1, 3).reshape(channels, -(-height // n) * n, -1)
    return whole[:, :height, :width]
