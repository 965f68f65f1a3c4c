"""The self-test: the layer that it runs on, and the signatures that a sound device finds."""

from dataclasses import dataclass

import numpy as np

from tilefold_hw.config import SCALE, CodecConfig
from tilefold_hw.fixed import Q
from tilefold_hw.layer import Layer, Projection, sum_format
from tilefold_hw.table import Table

from .link.payload import sample_bits, samples_to_bytes
from .model.codec import decode, encode
from .model.reorder import from_beats, to_beats
from .model.selftest import pattern, signature

_STEPS = 15  # of the weights that are tried: each product is another one


@dataclass(frozen=True, slots=True)
class Expected:
    """What a sound device finds."""

    #: Items of the pattern in a packet.
    items: int
    signatures: dict[str, int]


def layer(config: CodecConfig) -> Layer:
    """Return a layer that uses all channels and tables, and fields of every width there is."""
    n, most = config.tile, config.field.width
    tables = tuple(
        Table(
            widths=tuple((7 * place + table) % (most + 1) for place in range(n * n)),
            shifts=tuple((place + table) % (config.shift_max + 1) for place in range(n * n)),
        )
        for table in range(config.tables)
    )
    index = tuple(channel % config.tables for channel in range(config.channels))
    return Layer(
        groups=1,
        tables=tables,
        index=index,
        project=_projection(config, config.sample) if config.project_macs else None,
        expand=_projection(config, config.restored) if config.expand_macs else None,
    )


def expected(config: CodecConfig, run: Layer, packets: int, *, decoder: bool) -> Expected:
    """Return what *packets* of the pattern come to, by the golden model."""
    items = config.pixels * run.channels_in // config.lanes
    samples = pattern(config, packets * items)
    words, restored = [], []
    for groups in np.split(from_beats(config, samples, run.channels_in), packets):
        packet = encode(config, run, groups).words
        words.append(packet)
        if decoder:
            restored.append(to_beats(config, decode(config, run, packet)))
    signatures = {"words": signature(np.concatenate(words))}
    if decoder:
        signatures["samples"] = signature(sample_bits(config, np.concatenate(restored)))
    return Expected(items, signatures)


def packets(config: CodecConfig, run: Layer, count: int) -> list[bytes]:
    """Return *count* packets of the pattern, as the bytes that a link carries."""
    items = config.pixels * run.channels_in // config.lanes
    groups = from_beats(config, pattern(config, count * items), run.channels_in)
    return [samples_to_bytes(config, each) for each in np.split(groups, count)]


def _projection(config: CodecConfig, q: Q) -> Projection:
    count = config.channels
    weights = tuple(
        tuple((7 * output + 3 * n) % _STEPS - _STEPS // 2 for n in range(count))
        for output in range(count)
    )
    return Projection(
        weights=weights,
        biases=(0,) * count,
        scales=(SCALE.max,) * count,
        shifts=(SCALE.width + sum_format(q, count).width - q.width - 3,) * count,
    )
