"""An estimate of what a configuration costs on an ECP5, from its numbers alone.

Cost is a sum of features of the configuration, each with a coefficient. The coefficients are fitted
to circuits that were synthesised (``make estimate``) and lie beside this file, with the errors that
the estimate makes on circuits that were kept out of the fit. A block that is made of others costs
what they do, and features of its own for what holds them together.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from . import latency
from .budget import packet_cycles
from .config import CodecConfig
from .layer import Layer
from .table import masked, triangle

RESOURCES = ("luts", "flip_flops", "dsps", "brams")
"""What is estimated. Look-up tables count carries and small memories, too."""

_FILE = Path(__file__).with_name("estimate.json")

# Shapes of a block memory of the ECP5: words, bits.
_SHAPES = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18))

Feature = Callable[[CodecConfig], float]


@dataclass(frozen=True, slots=True)
class Model:
    """How a block's cost is put together."""

    #: Blocks that it is made of.
    parts: tuple[str, ...]
    features: dict[str, Feature]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a block costs, rounded to whole cells."""

    luts: int
    flip_flops: int
    dsps: int
    brams: int


def _bits(number: int) -> int:
    """Bits that count to *number*."""
    return max(1, (number - 1).bit_length())


def _memory(depth: int, width: int) -> int:
    """Block memories that *depth* words of *width* bits take."""
    return min(-(-depth // words) * -(-width // bits) for words, bits in _SHAPES)


def _wide_forward(config: CodecConfig) -> int:
    """Passes of the transform whose operands are wider than a multiplier."""
    t = config.transform
    # Eight points are added up in pairs, twice, in front of the multipliers.
    more = 2 if config.tile == 8 else 1
    return _wider(config, t.forward_rows.i.width + more, t.forward_columns.i.width + more)


def _wide_inverse(config: CodecConfig) -> int:
    t = config.transform
    return _wider(config, t.inverse_columns.i.width, t.inverse_rows.i.width)


def _wider(config: CodecConfig, *widths: int) -> int:
    return sum(width > config.multiplier_width for width in widths)


def _transform(wide: Callable[[CodecConfig], int]) -> dict[str, Feature]:
    """Every size of a tile and every number of lanes is a circuit of its own."""
    features: dict[str, Feature] = {}
    for tile, lanes in ((4, 1), (7, 1), (8, 1), (16, 1), (8, 2), (8, 4), (8, 8)):
        features |= _where(tile, lanes, wide)
    return features


def _where(tile: int, lanes: int, wide: Callable[[CodecConfig], int]) -> dict[str, Feature]:
    """Features of one such circuit, for the configurations that have it, and for no other."""

    def built(config: CodecConfig) -> bool:
        return lanes == config.lanes and tile in config.tiles

    def passes(config: CodecConfig) -> int:
        return wide(config.at(tile)) if built(config) else 0

    name = f"{tile} points, {lanes} a clock"
    return {
        name: lambda c: built(c),
        f"{name}, width": lambda c: built(c) * c.sample_width,
        f"{name}, wide": lambda c: passes(c),
        f"{name}, wide, width": lambda c: passes(c) * c.sample_width,
    }


def _laned(features: dict[str, Feature]) -> dict[str, Feature]:
    """Each feature once, once a lane, and once for each stage of a network between lanes."""
    found: dict[str, Feature] = {}
    for name, feature in features.items():
        found |= _each_lane(name, feature)
    return found


def _each_lane(name: str, feature: Feature) -> dict[str, Feature]:
    return {
        name: feature,
        f"{name}, a lane": lambda c: feature(c) * (c.lanes - 1),
        f"{name}, a lane and stage": lambda c: feature(c) * c.lanes * (c.lanes.bit_length() - 1),
    }


_ONE: dict[str, Feature] = {"one": lambda c: 1}

_TABLES: dict[str, Feature] = {
    "table memory": lambda c: _memory(2 * c.tables * _place(c), 5 + _bits(c.shift_max + 1)),
    "index memory": lambda c: _memory(2 * c.channels, _bits(c.tables)),
    "index": lambda c: c.channels * _bits(c.tables) / 16,
    "counters": lambda c: _bits(c.channels) + _bits(c.pixels),
    "addresses": lambda c: _bits(c.tables) + _bits(c.pixels),
}


def _place(config: CodecConfig) -> int:
    """Places of a tile in a memory."""
    return 1 << _bits(config.pixels)


def _shifter(config: CodecConfig) -> float:
    return config.coefficient.width * _bits(config.shift_max + 1)


def _macs(name: str) -> dict[str, Feature]:
    def macs(config: CodecConfig) -> int:
        return int(getattr(config, f"{name}_macs"))

    def weights(config: CodecConfig) -> int:
        per_mac = -(-config.channels // macs(config)) * config.channels
        return _memory(2 * per_mac, 8) * macs(config)

    return {
        "multipliers": lambda c: macs(c),
        "products": lambda c: macs(c) * c.sample_width,
        "weights": lambda c: weights(c) if macs(c) else 0,
        "depth": lambda c: macs(c) * _bits(c.channels),
        "channels": lambda c: _bits(c.channels) * (macs(c) > 0),
        "scaling": lambda c: c.sample_width * (macs(c) > 0),
        "there": lambda c: macs(c) > 0,
    }


_REORDER: dict[str, Feature] = {
    "reorder memory": lambda c: _memory(c.pixels * c.channels // c.lanes, c.sample_width * c.lanes),
    "reorder addresses": lambda c: _bits(c.pixels * c.channels // c.lanes),
    "reorder data": lambda c: c.sample_width,
}

_CONTROL: dict[str, Feature] = {
    "channels": lambda c: _bits(c.channels),
    "tables": lambda c: _bits(c.tables),
    "word": lambda c: c.word_width,
    "data": lambda c: c.sample_width,
}

MODELS = {
    "dct": Model((), _transform(_wide_forward)),
    "idct": Model((), _transform(_wide_inverse)),
    "quantise": Model(
        (),
        _laned(
            {
                **_ONE,
                **_TABLES,
                "coefficient": lambda c: c.coefficient.width,
                "shifter": _shifter,
            }
        ),
    ),
    "dequantise": Model(
        (), _laned({**_ONE, "coefficient": lambda c: c.coefficient.width, "shifter": _shifter})
    ),
    "pack": Model(
        (),
        _laned(
            {
                **_ONE,
                "field": lambda c: c.field.width,
                "word": lambda c: c.word_width,
                "placing": lambda c: (c.word_width + c.field.width) * _bits(c.word_width),
            }
        ),
    ),
    "unpack": Model(
        (),
        _laned(
            {
                **_ONE,
                **_TABLES,
                "field": lambda c: c.field.width,
                "word": lambda c: c.word_width,
                "placing": lambda c: (c.word_width + c.field.width) * _bits(c.word_width),
            }
        ),
    ),
    "project": Model((), {**_ONE, **_macs("project")}),
    "expand": Model((), {**_ONE, **_macs("expand")}),
    "reorder": Model((), _laned({**_ONE, **_REORDER})),
    "encoder": Model(
        ("dct", "quantise", "pack", "reorder"), _laned({**_ONE, **_CONTROL}) | _macs("project")
    ),
    "decoder": Model(
        ("idct", "dequantise", "unpack", "reorder"), _laned({**_ONE, **_CONTROL}) | _macs("expand")
    ),
    "codec": Model(
        ("encoder", "decoder"),
        {
            **_ONE,
            "store": lambda c: _memory(c.memory_words, c.word_width + 1),
            "store addresses": lambda c: _bits(c.memory_words),
        },
    ),
}
"""Blocks that are estimated; each after those that it is made of."""


def estimate(block: str, config: CodecConfig) -> Estimate:
    """Estimate what *block* of a configuration costs."""
    if block not in MODELS:
        raise ValueError(f"block must be one of {', '.join(MODELS)}, not {block!r}")
    cost = raw(block, config, coefficients()["blocks"])
    return Estimate(**{name: max(0, round(value)) for name, value in cost.items()})


def raw(block: str, config: CodecConfig, blocks: dict[str, Any]) -> dict[str, float]:
    """Return the estimate as it comes from the coefficients *blocks*, not rounded."""
    model = MODELS[block]
    parts = [raw(part, config, blocks) for part in model.parts]
    features = {name: feature(config) for name, feature in model.features.items()}
    return {
        resource: sum(part[resource] for part in parts)
        + sum(
            factor * features[name] for name, factor in blocks[block]["factors"][resource].items()
        )
        for resource in RESOURCES
    }


@cache
def coefficients() -> dict[str, Any]:
    """Return what was fitted: factors and errors by block, and the tools that they hold for."""
    found: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found


def errors(block: str) -> dict[str, dict[str, float]]:
    """Return how far the estimate of *block* was off on circuits that were kept out of the fit.

    By resource, the ``median`` and the ``max``: of tables and flip-flops as a part of the circuit,
    of multipliers and memories as their number.
    """
    found: dict[str, dict[str, float]] = coefficients()["blocks"][block]["errors"]
    return found


def usual_layer(config: CodecConfig) -> Layer:
    """Return the layer that latencies are told for: all channels, half of the coefficients kept."""
    n = config.tile
    width = min(8, config.field.width)
    half = triangle(n, n * n // 2)
    table = masked(n, keep=half, width=width, shift=config.coefficient.width - width)
    return Layer(groups=1, tables=(table,), index=(0,) * config.channels)


LATENCIES: dict[str, Callable[[CodecConfig], int]] = {
    "dct": lambda c: latency.dct(c.transform, c.lanes),
    "idct": lambda c: latency.idct(c.transform, c.lanes),
    "quantise": latency.quantise,
    "dequantise": latency.dequantise,
    "pack": latency.pack,
    "unpack": latency.unpack,
    "project": lambda c: latency.project(c.channels),
    "expand": lambda c: latency.project(c.channels),
    "reorder": lambda c: latency.transpose(c.pixels // c.lanes, c.channels) + latency.VARY,
    "encoder": lambda c: latency.encoder(c, usual_layer(c)),
    "decoder": lambda c: latency.decoder(c, usual_layer(c)),
    "codec": lambda c: latency.codec(c, usual_layer(c)),
}
"""Cycles from a block's first transfer in to the first one out, of the usual layer: exact."""


def built(config: CodecConfig) -> list[str]:
    """Return the blocks that a configuration has."""
    absent = {"project": not config.project_macs, "expand": not config.expand_macs}
    return [block for block in MODELS if not absent.get(block)]


def group_cycles(config: CodecConfig) -> int:
    """Cycles that a tile group of the usual layer takes, nobody waiting."""
    return packet_cycles(config, usual_layer(config))
