"""Reorder: pixel-major tile groups to one tile a channel, and back."""

from .arith import Ints


def to_tiles(groups: Ints) -> Ints:
    """Pixel-major to channel-major: ``int[..., pixels, C]`` to ``int[..., C, pixels]``."""
    return groups.swapaxes(-1, -2)


def to_pixels(tiles: Ints) -> Ints:
    """Channel-major to pixel-major: ``int[..., C, pixels]`` to ``int[..., pixels, C]``."""
    return tiles.swapaxes(-1, -2)
