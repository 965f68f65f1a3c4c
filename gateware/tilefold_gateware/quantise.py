"""Quantiser: each coefficient rounded and saturated as its table entry says; and the way back."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, flipped

from tilefold_hw.config import CodecConfig
from tilefold_hw.fixed import SQ
from tilefold_hw.regs import shift_width

from .arith import saturate, shape
from .outlet import Outlet
from .pipeline import delay
from .streams import inner
from .tables import Tables, table_members


class Quantiser(wiring.Component):
    """Round every coefficient right by its shift and saturate it to its width.

    Shift and width come from the table that the coefficient's channel reads. A coefficient of
    width 0 goes on as a field of no bits, so every tile stays as long as it is.

    Latency :data:`tilefold_hw.latency.QUANTISE`; one coefficient a cycle. Golden model:
    :func:`tilefold.model.quantise.quantise`.

    Parameters
    ----------
    config : CodecConfig

    Members
    -------
    i : In(stream of inner(config.coefficient))
        Coefficients in scan order, channel by channel.
    o : Out(stream of inner(config.field, width))
        Fields, sign-extended, and their widths.
    channels : In(range(config.channels + 1))
        Stored channels, for the item at ``i``.
    index, table : In(Write)
        Fill the memories; see :class:`~tilefold_gateware.tables.Tables`.
    saturated : Out(1)
        High for a cycle for every coefficient that its width could not hold.
    tile : Out(1)
        High for a cycle for every tile.
    """

    def __init__(self, config: CodecConfig):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(inner(shape(config.coefficient)))),
                "o": Out(stream.Signature(inner(shape(config.field), width=5))),
                "saturated": Out(1),
                "tile": Out(1),
                **table_members(config),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.outlet = outlet = Outlet(self.o.payload.shape(), latency=7)
        wiring.connect(m, outlet.o, flipped(self.o))
        enter = self.i.valid & outlet.ready
        m.d.comb += [self.i.ready.eq(outlet.ready), outlet.take.eq(enter)]

        # cycles 1 to 3: the table answers, while the coefficient waits.
        m.submodules.tables = tables = Tables(config)
        tables.fill_from(m, self)
        m.d.comb += [
            tables.step.eq(enter),
            tables.bank.eq(self.i.payload.bank),
            self.tile.eq(enter & tables.tile_end),
        ]
        coefficient = delay(m, self.i.payload.data, Tables.LATENCY)
        width, shift = tables.entry.width, tables.entry.shift

        # cycle 4: add the half that rounds, a bit of its own; cycle 5: shift. What is left has no
        # more bits than the coefficient had.
        half = Cat(0, (shift == s for s in range(1, config.shift_max + 1)))
        total = Signal(shape(config.coefficient + config.coefficient))
        m.d.sync += total.eq(coefficient + (half >> 1))
        rounded = Signal(shape(config.coefficient))
        m.d.sync += rounded.eq(total >> delay(m, shift, 1))

        # cycle 6: a field of w bits holds what has all bits from w - 1 up alike.
        bits = config.coefficient.width
        within = Cat(delay(m, width, 2) > k + 1 for k in range(bits))
        sign = rounded[-1].replicate(bits)
        overflow, limit = Signal(), Signal(bits)
        m.d.sync += [
            overflow.eq(((rounded ^ sign) & ~within).any()),
            limit.eq(within ^ sign),
        ]

        # cycle 7: saturate, or drop.
        width = delay(m, width, 3)
        kept = width != 0
        m.d.sync += [
            outlet.payload.data.eq(Mux(kept, Mux(overflow, limit, delay(m, rounded, 1)), 0)),
            outlet.payload.width.eq(width),
            outlet.payload.last.eq(delay(m, self.i.payload.last, 6)),
            outlet.payload.bank.eq(delay(m, self.i.payload.bank, 6)),
            outlet.push.eq(delay(m, enter, 6)),
            self.saturated.eq(delay(m, enter, 6) & kept & overflow),
        ]
        return m


class Dequantiser(wiring.Component):
    """Undo :class:`Quantiser`: shift every field left, saturated to the format of a coefficient.

    Latency :data:`tilefold_hw.latency.DEQUANTISE`; one field a cycle. Golden model:
    :func:`tilefold.model.quantise.dequantise`.

    Parameters
    ----------
    config : CodecConfig

    Members
    -------
    i : In(stream of inner(config.field, shift))
        Fields, sign-extended, and their shifts.
    o : Out(stream of inner(config.coefficient))
    """

    def __init__(self, config: CodecConfig):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(inner(shape(config.field), shift=shift_width(config)))),
                "o": Out(stream.Signature(inner(shape(config.coefficient)))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.outlet = outlet = Outlet(self.o.payload.shape(), latency=2)
        wiring.connect(m, outlet.o, flipped(self.o))
        enter = self.i.valid & outlet.ready
        m.d.comb += [self.i.ready.eq(outlet.ready), outlet.take.eq(enter)]

        # cycle 1: shift; cycle 2: saturate.
        wide = Signal(shape(SQ(config.field.width + config.shift_max)))
        m.d.sync += [
            wide.eq(self.i.payload.data << self.i.payload.shift),
            outlet.payload.data.eq(saturate(wide, config.coefficient)),
            outlet.payload.last.eq(delay(m, self.i.payload.last, 1)),
            outlet.payload.bank.eq(delay(m, self.i.payload.bank, 1)),
            outlet.push.eq(delay(m, enter, 1)),
        ]
        return m
