"""A map on its way through memory: samples, tile groups, a codec, and back."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tilefold_hw.config import CodecConfig

from .bundle import Bundle, Site
from .model.arith import Ints
from .model.codec import decode, encode
from .model.tiles import cut, join

Floats = NDArray[np.float32]

Store = Callable[[str, Floats], Floats]
"""Takes the name of a stored map and its values, float32[n, C, H, W]; returns those to go on
with, of the same shape."""

Codec = Callable[[Site, Ints], Ints]
"""Takes a site and the tile groups of a batch, int[n·G, pixels, C]; returns them restored."""


def to_samples(maps: Floats, site: Site, config: CodecConfig) -> Ints:
    """Quantise maps: ``round(x / scale) + zero``, half up, clamped to a sample's range.

    Parameters
    ----------
    maps : float32[...]

    Returns
    -------
    int32[...]
    """
    rounded = np.floor(maps / np.float32(site.scale) + np.float32(0.5)).astype(np.int32)
    samples: Ints = np.clip(rounded + site.zero, config.sample.min, config.sample.max)
    return samples


def to_values(samples: Ints, site: Site) -> Floats:
    """Undo :func:`to_samples`, but for what its rounding and clamp lost."""
    return (samples - site.zero).astype(np.float32) * np.float32(site.scale)


def through(site: Site, config: CodecConfig, codec: Codec, maps: Floats) -> Floats:
    """Send the maps of a batch through *codec* as samples.

    Parameters
    ----------
    maps : float32[n, C, H, W]

    Returns
    -------
    float32[n, C, H, W]
    """
    samples = to_samples(maps, site, config)
    groups = np.concatenate([cut(sample, site.layer.on(config).tile) for sample in samples])
    restored = codec(site, groups).reshape(len(maps), -1, *groups.shape[1:])
    return to_values(np.stack([join(each, *maps.shape[2:]) for each in restored]), site)


def stored(bundle: Bundle, codec: Codec) -> Store:
    """Hook that sends every map through *codec*."""
    return lambda name, maps: through(bundle.site(name), bundle.config, codec, maps)


def plain(site: Site, groups: Ints) -> Ints:
    """Codec that stores the samples as they are: an accelerator without Tilefold."""
    return groups


def golden(config: CodecConfig, saturated: Counter[str] | None = None) -> Codec:
    """Codec of the golden model.

    A batch goes as one long packet: the words end elsewhere, the samples are the same.

    Parameters
    ----------
    saturated : Counter, optional
        Gets the saturated coefficients of every site added.
    """

    def codec(site: Site, groups: Ints) -> Ints:
        layer = replace(site.layer, groups=len(groups))
        packet = encode(config, layer, groups)
        if saturated is not None:
            saturated[site.name] += packet.saturated
        return decode(config, layer, packet.words)

    return codec
