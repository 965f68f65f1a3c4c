"""The codec: all steps in a row, from samples to words and back.

::

    project ─► reorder ─► centre ─► dct ─► quantise ─► pack
    unpack ─► dequantise ─► idct ─► clip ─► reorder ─► expand
"""

from dataclasses import dataclass

import numpy as np

from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Layer

from .arith import Ints, require, require_array
from .dct import dct, idct
from .level import centre, clip
from .pack import Words, pack, unpack
from .project import project
from .quantise import channel_tables, dequantise, quantise
from .reorder import to_pixels, to_tiles


@dataclass(frozen=True, slots=True)
class Packet:
    """An encoded packet."""

    #: Memory words, ``uint8[words, word_width / 8]``, least significant byte first.
    words: Words
    #: Coefficients that their width could not hold.
    saturated: int


def encode(config: CodecConfig, layer: Layer, groups: Ints) -> Packet:
    """Encode the tile groups of a packet.

    Parameters
    ----------
    groups : int[G, n·n, C]
        Samples of format ``config.sample``: pixel-major tile groups, pixels in raster order. *n* is
        the layer's size of a tile.

    Raises
    ------
    TypeError, ValueError
        If the layer does not fit the configuration, or the samples do not fit the layer.
    """
    layer.check(config)
    config = layer.on(config)
    require_array(groups, "samples")
    expected = (layer.groups, config.pixels, layer.channels_in)
    if groups.shape != expected:
        raise ValueError(
            f"tile groups of this layer must have shape {expected}, not {groups.shape}"
        )
    require(groups, config.sample, "samples")
    if layer.project:
        groups = project(groups, layer.project, config.sample)
    widths, shifts = channel_tables(layer)
    coefficients = dct(centre(to_tiles(groups), config), config.transform)
    fields, saturated = quantise(coefficients, widths, shifts)
    words = pack(fields.reshape(layer.groups, -1), widths.ravel(), config.word_width)
    return Packet(words, saturated)


def decode(config: CodecConfig, layer: Layer, words: Words) -> Ints:
    """Decode a packet.

    Parameters
    ----------
    words : uint8[words, word_width / 8]
        The packet, as :func:`encode` returns it.

    Returns
    -------
    int32[G, n·n, C]
        Samples of format ``config.restored``, in the order that :func:`encode` takes.

    Raises
    ------
    TypeError, ValueError
        If the layer does not fit the configuration, or the words do not fit the layer.
    """
    layer.check(config)
    config = layer.on(config)
    require_array(words, "words")
    if words.dtype != np.uint8 or words.ndim != 2 or 8 * words.shape[1] != config.word_width:
        raise ValueError(
            f"words must be uint8[words, {config.word_width // 8}], "
            f"not {words.dtype}{list(words.shape)}"
        )
    widths, shifts = channel_tables(layer)
    fields = unpack(words, widths.ravel(), layer.groups).reshape(layer.groups, *widths.shape)
    tiles = idct(dequantise(fields, shifts, config), config.transform)
    groups = to_pixels(clip(tiles, config, layer.clip))
    if layer.expand:
        groups = project(groups, layer.expand, config.restored)
    return groups
