"""Random cases for benches and tests: layers, samples, and what the golden model makes of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tilefold.model.arith import Ints
from tilefold.model.codec import decode, encode
from tilefold.model.dct import idct
from tilefold.model.level import centre
from tilefold.model.pack import Words, unpack
from tilefold.model.quantise import channel_tables, dequantise
from tilefold_hw.config import SCALE, WEIGHT, CodecConfig
from tilefold_hw.fixed import Q
from tilefold_hw.layer import Clip, Layer, Projection, bias_format
from tilefold_hw.table import Table


@dataclass(frozen=True, slots=True)
class Case:
    """Packets of a layer: what goes in, and what the golden model says of it."""

    layer: Layer
    packets: int
    #: ``int32[G, n·n, C]``: samples of all packets, and what is restored of them.
    groups: Ints
    restored: Ints
    #: ``uint8[words, word_width / 8]`` and ``bool[words]``: words of all packets, and their ends.
    words: Words
    last: Any
    #: Coefficients that their width could not hold, and samples that the clip changed.
    saturated: int
    clipped: int

    @property
    def tiles(self) -> int:
        """Tiles that are stored."""
        return self.packets * self.layer.groups * self.layer.channels


def make_case(config: CodecConfig, layer: Layer, groups: Ints) -> Case:
    """Return what the golden model makes of whole packets of *layer*."""
    packets = np.split(groups, len(groups) // layer.groups)
    encoded = [encode(config, layer, packet) for packet in packets]
    return Case(
        layer=layer,
        packets=len(packets),
        groups=groups,
        restored=np.concatenate([decode(config, layer, packet.words) for packet in encoded]),
        words=np.concatenate([packet.words for packet in encoded]),
        last=np.concatenate([np.arange(n := len(p.words)) == n - 1 for p in encoded]),
        saturated=sum(packet.saturated for packet in encoded),
        clipped=sum(_clipped(config, layer, packet.words) for packet in encoded),
    )


def random_case(
    config: CodecConfig, rng: np.random.Generator, *, packets: int = 3, **layer: Any
) -> Case:
    """Return a case of *packets* packets; *layer* goes to :func:`random_layer`."""
    chosen = random_layer(config, rng, **layer)
    return make_case(config, chosen, random_groups(config, chosen, rng, packets))


def random_layer(
    config: CodecConfig,
    rng: np.random.Generator,
    *,
    groups: int = 2,
    channels: int | None = None,
    widest: int | None = None,
) -> Layer:
    """Return a layer with random tables, index, clip and projections, and tiles of any size.

    Parameters
    ----------
    groups : int
        Tile groups of a packet.
    channels : int
        Stored channels; left out, any number that there is room for.
    widest : int
        Most bits of a coefficient; left out, what a field holds.
    """
    channels = channels or int(rng.integers(1, config.channels + 1))
    widest = config.field.width if widest is None else widest
    tile = int(rng.choice(config.tiles)) if config.sevens else None
    tiled = config.at(tile or config.tile)
    tables = tuple(_table(tiled, rng, widest) for _ in range(rng.integers(1, config.tables + 1)))
    index = tuple(rng.integers(0, len(tables), channels).tolist())
    limits = sorted(rng.integers(config.restored.min, config.restored.max + 1, 2).tolist())
    project = expand = None
    if config.project_macs:
        inputs = int(rng.integers(1, config.channels + 1))
        project = _projection(config, rng, config.sample, inputs, channels)
    if config.expand_macs:
        outputs = int(rng.integers(1, config.channels + 1))
        expand = _projection(config, rng, config.restored, channels, outputs)
    return Layer(groups, tables, index, Clip(*limits), project, expand, tile)


def random_groups(
    config: CodecConfig, layer: Layer, rng: np.random.Generator, packets: int = 1
) -> Ints:
    """Return tile groups of *packets* packets, ``int32[G, n·n, C]``: smooth, noise, extremes."""
    shape = (packets * layer.groups, layer.on(config).pixels, layer.channels_in)
    low, high = config.sample.min, config.sample.max
    noise = rng.integers(low, high + 1, shape)
    extreme = np.where(rng.integers(0, 2, shape), low, high)
    smooth = np.clip(rng.integers(low, high + 1, (shape[0], 1, shape[2])) + noise // 16, low, high)
    kind = rng.integers(0, 3, (shape[0], 1, shape[2]))
    return np.choose(kind, [noise, extreme, smooth]).astype(np.int32)


def _clipped(config: CodecConfig, layer: Layer, words: Words) -> int:
    """Samples that the clip changes in a packet."""
    config = layer.on(config)
    widths, shifts = channel_tables(layer)
    fields = unpack(words, widths.ravel(), layer.groups).reshape(layer.groups, *widths.shape)
    level = centre(np.zeros(1, dtype=np.int32), config)
    samples = idct(dequantise(fields, shifts, config), config.transform) - level
    low, high = layer.clip.limits(config.restored)
    return int(np.count_nonzero((samples < low) | (samples > high)))


def _table(config: CodecConfig, rng: np.random.Generator, widest: int) -> Table:
    kept = rng.random(config.pixels) < rng.random()
    widths = np.where(kept, rng.integers(0, widest + 1, config.pixels), 0)
    shifts = rng.integers(0, config.shift_max + 1, config.pixels)
    return Table(tuple(widths.tolist()), tuple(shifts.tolist()))


def _projection(
    config: CodecConfig, rng: np.random.Generator, q: Q, inputs: int, outputs: int
) -> Projection:
    bias = bias_format(q, config.channels)
    weights = rng.integers(WEIGHT.min, WEIGHT.max + 1, (outputs, inputs))
    # Shifts near the one that brings a sum back to the format.
    fit = SCALE.width + bias.width - q.width
    return Projection(
        weights=tuple(map(tuple, weights.tolist())),
        biases=tuple(rng.integers(bias.min // 4, bias.max // 4, outputs).tolist()),
        scales=tuple(rng.integers(0, SCALE.max + 1, outputs).tolist()),
        shifts=tuple(rng.integers(max(0, fit - 6), fit + 1, outputs).tolist()),
        clip=Clip(*sorted(rng.integers(q.min, q.max + 1, 2).tolist())),
    )
