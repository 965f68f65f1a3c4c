"""Raster: maps by rows to tile groups and back, as the circuits in front of a codec do it."""

import numpy as np

from tilefold_hw.config import CodecConfig
from tilefold_hw.raster import RasterConfig

from .arith import Ints
from .reorder import from_beats, to_beats
from .tiles import cut, join

_AXES = {"pixel-major": (1, 2, 0), "row-planar": (1, 0, 2)}


def to_rows(config: RasterConfig, maps: Ints) -> Ints:
    """Rows of a map as they stream.

    Parameters
    ----------
    maps : int[C, H, W]
        Feature map, channels first.

    Returns
    -------
    int[items, lanes]
        Items in the order of ``config.order``: each *lanes* neighbouring pixels of a channel. Past
        the end of a row, lanes repeat its last pixel.

    >>> config = RasterConfig(CodecConfig(tile=4), "row-planar")
    >>> to_rows(config, np.arange(8).reshape(2, 2, 2)).ravel().tolist()
    [0, 1, 4, 5, 2, 3, 6, 7]
    """
    lanes = config.codec.lanes
    channels, height, width = maps.shape
    whole = np.pad(maps, ((0, 0), (0, 0), (0, -width % lanes)), mode="edge")
    items = whole.reshape(channels, height, -1, lanes)
    return items.transpose(*_AXES[config.order], 3).reshape(-1, lanes)


def from_rows(config: RasterConfig, rows: Ints, channels: int, height: int, width: int) -> Ints:
    """Undo :func:`to_rows`: ``int[items, lanes]`` to ``int[C, H, W]``."""
    lanes = config.codec.lanes
    shape = (channels, height, -(-width // lanes))
    axes = _AXES[config.order]
    items = rows.reshape(*(shape[axis] for axis in axes), lanes)
    whole = items.transpose(*np.argsort(axes), 3).reshape(channels, height, -1)
    return whole[:, :, :width]


def raster(
    config: RasterConfig, rows: Ints, channels: int, height: int, width: int, *, tile: int = 0
) -> Ints:
    """Cut a map that comes by rows into tile groups, padded by edge replication.

    Parameters
    ----------
    rows : int[items, lanes]
        As :func:`to_rows` returns them. Lanes past the end of a row may hold anything.
    channels, height, width : int
        Size of the map.
    tile : int
        Points on a side of its tiles, where layers may choose.

    Returns
    -------
    int[beats, lanes]
        What an encoder takes: :func:`tilefold.model.reorder.to_beats` of the tile groups.
    """
    maps = from_rows(config, rows, channels, height, width)
    codec = _tiled(config.codec, tile)
    return to_beats(codec, cut(maps, codec.tile))


def unraster(
    config: RasterConfig, beats: Ints, channels: int, height: int, width: int, *, tile: int = 0
) -> Ints:
    """Join tile groups to a map by rows, without their padding: the inverse of :func:`raster`.

    Lanes past the end of a row hold what the tile groups hold there.
    """
    codec = _tiled(config.codec, tile)
    lanes = codec.lanes
    padded = -(-width // lanes) * lanes
    maps = join(from_beats(codec, beats, channels), height, padded)
    return to_rows(config, maps)


def _tiled(codec: CodecConfig, tile: int) -> CodecConfig:
    return codec.at(tile) if tile else codec
