"""Reorder: pixel-major tile groups to one tile a channel, and back."""

from tilefold_hw.config import CodecConfig

from .arith import Ints


def to_tiles(groups: Ints) -> Ints:
    """Pixel-major to channel-major: ``int[..., pixels, C]`` to ``int[..., C, pixels]``."""
    return groups.swapaxes(-1, -2)


def to_pixels(tiles: Ints) -> Ints:
    """Channel-major to pixel-major: ``int[..., C, pixels]`` to ``int[..., pixels, C]``."""
    return tiles.swapaxes(-1, -2)


def to_beats(config: CodecConfig, groups: Ints) -> Ints:
    """Tile groups as they stream: ``int[..., pixels, C]`` to ``int[beats, lanes]``.

    A beat holds neighbouring pixels of one channel; beats go through the channels, then through
    the pixels of a tile, then through the tile groups.
    """
    *_, pixels, channels = groups.shape
    pieces = groups.reshape(-1, pixels // config.lanes, config.lanes, channels)
    return pieces.swapaxes(-1, -2).reshape(-1, config.lanes)


def from_beats(config: CodecConfig, beats: Ints, channels: int) -> Ints:
    """Undo :func:`to_beats`: ``int[beats, lanes]`` to ``int[G, pixels, channels]``."""
    pieces = beats.reshape(-1, config.pixels // config.lanes, channels, config.lanes)
    return pieces.swapaxes(-1, -2).reshape(-1, config.pixels, channels)
