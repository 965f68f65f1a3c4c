"""The core: a codec, or a side of it, with the faces that other people's designs have."""

from typing import Any

from amaranth.hdl import (
    Cat,
    ClockDomain,
    ClockSignal,
    Const,
    Module,
    ResetSignal,
    Value,
)
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from tilefold_hw.core import CoreConfig

from .access import Access
from .axi_lite import AxiLite, axi_lite
from .codec import Codec
from .decoder import Decoder
from .encoder import Encoder
from .pointwise import Pointwise
from .streams import each
from .wishbone import Wishbone, wishbone

_BLOCKS: dict[str, Any] = {
    "encoder": Encoder,
    "decoder": Decoder,
    "codec": Codec,
    "projector": Pointwise,
}

_BUSES: dict[str, tuple[Any, Any]] = {
    "axi-lite": (AxiLite, axi_lite),
    "wishbone": (Wishbone, wishbone),
}


class Core(wiring.Component):
    """A block with AXI4-Stream for data, and AXI4-Lite or Wishbone for registers.

    One sample, or as many as there are lanes, a beat; and one memory word a beat. Samples come and
    leave in the order that the configuration says. A sample takes
    whole bytes: into a core, bits above its own are not looked at; out of it, they repeat its sign,
    or are zero where it has none.
    Several lanes lie side by side, the first on the lowest bits. ``tlast`` is high on the last beat
    of a packet. Into an encoder it is not looked at, for the layer says how long a packet is; into
    a decoder it must be where the encoder had it, or the error ``framing`` is raised. ``tkeep`` is
    all ones; into a core it is not looked at.

    Parameters
    ----------
    config : CoreConfig

    Members
    -------
    clk, rst : In(1)
        Or ``aclk`` and ``aresetn``, where the reset is active low.
    s_axis_*, m_axis_* : AXI4-Stream
        ``tdata``, ``tkeep``, ``tlast``, ``tvalid`` and ``tready``.
    s_axil_* : AXI4-Lite
        See :func:`~tilefold_gateware.axi_lite.axi_lite`. Or ``wb_*``: Wishbone, see
        :func:`~tilefold_gateware.wishbone.wishbone`, with ``_i`` and ``_o`` behind its names.

    Source
    ------
    Arm, AMBA AXI-Stream Protocol Specification (IHI 0051).
    """

    def __init__(self, config: CoreConfig):
        self.config = config
        taken, given = config.data_widths
        clock, reset = config.clock_pins
        members = {clock: In(1), reset: In(1)}
        members |= _stream("s_axis_", taken, In, Out) | _stream("m_axis_", given, Out, In)
        members |= {pin: member for _, (pin, member) in _bus_pins(config).items()}
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        config = self.config
        clock, reset = (getattr(self, name) for name in config.clock_pins)
        # Local to the core: its pins have the names of a design's, not those of Amaranth's.
        m.domains.sync = ClockDomain(async_reset=config.reset.startswith("async"), local=True)
        m.d.comb += [
            ClockSignal().eq(clock),
            ResetSignal().eq(~reset if config.active_low else reset),
        ]

        m.submodules.block = block = _BLOCKS[config.block](config.codec, config.raster)
        self._connect_streams(m, block)
        m.submodules.access = access = Access(config)
        for window in config.windows:
            name = "bus" if len(config.windows) == 1 else f"{window.side}_bus"
            connect(m, getattr(access, window.side), getattr(block, name))
        m.submodules.bus = bus = _BUSES[config.bus][0](config.address_width)
        for name, (pin, member) in _bus_pins(config).items():
            inner, outer = getattr(bus.bus, name), getattr(self, pin)
            m.d.comb += inner.eq(outer) if member.flow is In else outer.eq(inner)
        connect(m, bus.o, access.i)
        connect(m, access.o, bus.i)
        return m

    def _connect_streams(self, m, block):
        codec = self.config.codec
        taken, given = self._side("s_axis_"), self._side("m_axis_")
        m.d.comb += [
            block.i.valid.eq(taken["tvalid"]),
            taken["tready"].eq(block.i.ready),
            given["tvalid"].eq(block.o.valid),
            block.o.ready.eq(given["tready"]),
            given["tlast"].eq(block.o.payload.last),
            given["tkeep"].eq(Const(-1, len(given["tkeep"]))),
        ]
        if self.config.block == "decoder":
            m.d.comb += [
                block.i.payload.data.eq(taken["tdata"]),
                block.i.payload.last.eq(taken["tlast"]),
            ]
        else:
            _unpack(m, taken["tdata"], block.i.payload, codec.lanes)
        if self.config.block == "encoder":
            m.d.comb += given["tdata"].eq(block.o.payload.data)
        else:
            _pack(m, block.o.payload.data, given["tdata"], codec.lanes)

    def _side(self, prefix):
        names = ("tdata", "tkeep", "tlast", "tvalid", "tready")
        return {name: getattr(self, prefix + name) for name in names}


def _stream(prefix: str, width: int, forth: type, back: type) -> dict[str, wiring.Member]:
    """Members of an AXI4-Stream."""
    return {
        f"{prefix}tdata": forth(width),
        f"{prefix}tkeep": forth(width // 8),
        f"{prefix}tlast": forth(1),
        f"{prefix}tvalid": forth(1),
        f"{prefix}tready": back(1),
    }


def _unpack(m, beat, samples, lanes: int) -> None:
    """Take the samples of all lanes out of a beat."""
    width = len(beat) // lanes
    m.d.comb += Value.cast(samples).eq(
        Cat(
            beat[lane * width :][: len(Value.cast(sample))]
            for lane, sample in enumerate(each(samples, lanes))
        )
    )


def _pack(m, samples, beat, lanes: int) -> None:
    """Put the samples of all lanes into a beat, each up to its whole bytes."""
    width = len(beat) // lanes
    for lane, sample in enumerate(each(samples, lanes)):
        m.d.comb += beat[lane * width : (lane + 1) * width].eq(sample)


def _bus_pins(config: CoreConfig) -> dict[str, tuple[str, wiring.Member]]:
    """By the name of a bus's signal, its pin and how that is seen from inside."""
    signature = _BUSES[config.bus][1](config.address_width)
    found = {}
    for name, member in signature.flip().members.items():
        if config.bus == "axi-lite":
            pin = f"s_axil_{name}"
        else:
            short = name.removesuffix("_w").removesuffix("_r")
            pin = f"wb_{short}_{'i' if member.flow is In else 'o'}"
        found[name] = (pin, member)
    return found
