"""Blocks that can be measured, as data: how each is made, how fast it runs, how late it answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from amaranth.lib import wiring

from tilefold_gateware.arith import shape
from tilefold_gateware.codec import Codec
from tilefold_gateware.dct import Dct, Idct, forward, inverse
from tilefold_gateware.decoder import Decoder
from tilefold_gateware.encoder import Encoder
from tilefold_gateware.pack import Packer
from tilefold_gateware.project import Projector
from tilefold_gateware.quantise import Dequantiser, Quantiser
from tilefold_gateware.streams import laned
from tilefold_gateware.transpose import Transposer
from tilefold_gateware.unpack import Unpacker
from tilefold_hw.config import CodecConfig
from tilefold_hw.estimate import LATENCIES
from tilefold_hw.regs import decoder_map, encoder_map


def lanes(config: CodecConfig) -> int:
    """Samples a clock of a configuration."""
    return config.lanes


@dataclass(frozen=True, slots=True)
class Block:
    """A circuit that a configuration decides on."""

    name: str
    kind: type[wiring.Component]
    make: Callable[[CodecConfig], wiring.Component]
    #: Items a clock.
    per_clock: Callable[[CodecConfig], float] = lanes
    unit: str = "sample"

    def latency_cycles(self, config: CodecConfig) -> int:
        """Cycles from a packet's, a tile's or an item's first transfer in to the first one out."""
        return LATENCIES[self.name](config)


def _macs(name: str, config: CodecConfig) -> int:
    macs: int = getattr(config, f"{name}_macs")
    if not macs:
        raise ValueError(f"{name}_macs must be 1 to 64 to have a block {name!r}, not 0")
    return macs


def _project(config: CodecConfig) -> Projector:
    return Projector(config, _macs("project", config), config.sample, encoder_map(config))


def _expand(config: CodecConfig) -> Projector:
    return Projector(config, _macs("expand", config), config.restored, decoder_map(config))


def _reorder(config: CodecConfig) -> Transposer:
    # As in an encoder: the samples of a clock stay together.
    sample = laned(shape(config.sample), config.lanes)
    pieces, less = config.pixels // config.lanes, config.pixels - config.pixels_least
    return Transposer(sample, pieces, config.channels, vary="columns", less=less)


BLOCKS = {
    block.name: block
    for block in (
        Block("dct", Dct, forward),
        Block("idct", Idct, inverse),
        Block("quantise", Quantiser, Quantiser),
        Block("dequantise", Dequantiser, Dequantiser),
        Block("pack", Packer, Packer),
        Block("unpack", Unpacker, Unpacker),
        Block("project", Projector, _project, lambda c: _macs("project", c), "MAC"),
        Block("expand", Projector, _expand, lambda c: _macs("expand", c), "MAC"),
        Block("reorder", Transposer, _reorder),
        Block("encoder", Encoder, Encoder),
        Block("decoder", Decoder, Decoder),
        Block("codec", Codec, Codec),
    )
}
"""Blocks by name, in the order of the data path."""


def block(name: str) -> Block:
    """Return the block called *name*."""
    if name not in BLOCKS:
        raise ValueError(f"block must be one of {', '.join(BLOCKS)}, not {name!r}")
    return BLOCKS[name]


def as_dict(config: CodecConfig) -> dict[str, Any]:
    """Return the fields of a configuration by name."""
    return {name: getattr(config, name) for name in config.__dataclass_fields__}
