"""Random layers and samples, for benches and tests: all that a configuration has room for."""

import numpy as np

from tilefold_hw.config import SCALE, WEIGHT, CodecConfig
from tilefold_hw.fixed import Q
from tilefold_hw.layer import Clip, Layer, Projection, bias_format
from tilefold_hw.table import Table


def random_layer(
    config: CodecConfig,
    rng: np.random.Generator,
    *,
    groups: int = 2,
    channels: int | None = None,
    widest: int | None = None,
) -> Layer:
    """Return a layer with random tables, index, clip and projections.

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
    tables = tuple(_table(config, rng, widest) for _ in range(rng.integers(1, config.tables + 1)))
    index = tuple(rng.integers(0, len(tables), channels).tolist())
    limits = sorted(rng.integers(config.restored.min, config.restored.max + 1, 2).tolist())
    project = expand = None
    if config.project_macs:
        inputs = int(rng.integers(1, config.channels + 1))
        project = _projection(config, rng, config.sample, inputs, channels)
    if config.expand_macs:
        outputs = int(rng.integers(1, config.channels + 1))
        expand = _projection(config, rng, config.restored, channels, outputs)
    return Layer(groups, tables, index, Clip(*limits), project, expand)


def random_groups(
    config: CodecConfig, layer: Layer, rng: np.random.Generator, packets: int = 1
) -> np.ndarray:
    """Return tile groups of *packets* packets, ``int32[G, n·n, C]``: smooth, noise, extremes."""
    shape = (packets * layer.groups, config.pixels, layer.channels_in)
    low, high = config.sample.min, config.sample.max
    noise = rng.integers(low, high + 1, shape)
    extreme = np.where(rng.integers(0, 2, shape), low, high)
    smooth = np.clip(rng.integers(low, high + 1, (shape[0], 1, shape[2])) + noise // 16, low, high)
    kind = rng.integers(0, 3, (shape[0], 1, shape[2]))
    return np.choose(kind, [noise, extreme, smooth]).astype(np.int32)


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
