"""Quantiser: each coefficient rounded and saturated as its table entry says; and the way back."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, flipped

from tilefold_hw.config import CodecConfig
from tilefold_hw.regs import shift_width

from .arith import shape
from .outlet import Outlet
from .pipeline import delay
from .shift import shift_cycles, shift_right
from .streams import each, inner, laned
from .tables import Tables, table_members, width_shape


class Quantiser(wiring.Component):
    """Round every coefficient right by its shift and saturate it to its width.

    Shift and width come from the table that the coefficient's channel reads. A coefficient of
    width 0 goes on as a field of no bits, so every tile stays as long as it is.

    Latency :func:`tilefold_hw.latency.quantise`; one item a cycle. Golden model:
    :func:`tilefold.model.quantise.quantise`.

    Parameters
    ----------
    config : CodecConfig

    Members
    -------
    i : In(stream of inner(laned(config.coefficient)))
        Coefficients in scan order, channel by channel.
    o : Out(stream of inner(laned(config.field), width))
        Fields, sign-extended, and their widths, ``laned`` too.
    channels : In(range(config.channels + 1))
        Stored channels, for the item at ``i``.
    seven : In(1)
        Its tile has 7 points. Only if layers may choose.
    index, table : In(Write)
        Fill the memories; see :class:`~tilefold_gateware.tables.Tables`.
    saturated : Out(range(config.lanes + 1))
        In every cycle, how many more coefficients their width could not hold.
    tile : Out(1)
        High for a cycle for every tile.
    """

    def __init__(self, config: CodecConfig):
        self.config = config
        lanes = config.lanes
        super().__init__(
            {
                "i": In(stream.Signature(inner(laned(shape(config.coefficient), lanes)))),
                "o": Out(
                    stream.Signature(
                        inner(
                            laned(shape(config.field), lanes),
                            width=laned(width_shape(config), lanes),
                        )
                    )
                ),
                "saturated": Out(range(lanes + 1)),
                "tile": Out(1),
                **table_members(config),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        # To the entry, through the shift, then three cycles to the queue.
        latency = Tables.LATENCY + shift_cycles(shift_width(config)) + 3
        m.submodules.outlet = outlet = Outlet(self.o.payload.shape(), latency)
        wiring.connect(m, outlet.o, flipped(self.o))
        item = self.i.payload
        enter = self.i.valid & outlet.ready
        m.d.comb += [self.i.ready.eq(outlet.ready), outlet.take.eq(enter)]

        m.submodules.tables = tables = Tables(config)
        tables.fill_from(m, self)
        m.d.comb += [
            tables.step.eq(enter),
            tables.bank.eq(item.bank),
            self.tile.eq(enter & tables.tile_end),
            outlet.push.eq(delay(m, enter, latency)),
            outlet.payload.last.eq(delay(m, item.last, latency)),
            outlet.payload.bank.eq(delay(m, item.bank, latency)),
        ]
        counted = delay(m, enter, latency)
        saturated = []
        for i, entry, data, width in zip(
            *(
                each(value, config.lanes)
                for value in (item.data, tables.entry, outlet.payload.data, outlet.payload.width)
            ),
            strict=True,
        ):
            coefficient = delay(m, i, Tables.LATENCY)
            overflow = _quantise(m, coefficient, entry.width, entry.shift, data, width)
            saturated.append(counted & overflow)
        m.d.sync += self.saturated.eq(sum(saturated))
        return m


def _quantise(m, coefficient, width, shift, data, out_width):
    """Quantise *coefficient* into *data*; return whether it saturates, in that cycle."""
    bits = len(coefficient)
    cycles = shift_cycles(len(shift))

    # Shift, and keep the last bit that goes: it rounds, half up. What is left has no more bits than
    # the coefficient had.
    kept = shift_right(m, Cat(0, coefficient).as_signed(), shift, bits + 1)
    width = delay(m, width, cycles)
    rounded = Signal(bits)
    m.d.sync += rounded.eq(kept[1:] + kept[0])

    # A field of w bits holds what has all bits from w - 1 up alike. One of none holds nothing, and
    # nothing is 0.
    within, stored = Signal(bits - 1), Signal()
    m.d.sync += [within.eq(Cat(width > k + 1 for k in range(bits - 1))), stored.eq(width != 0)]
    sign = rounded[-1]
    beyond = ((rounded[:-1] ^ sign.replicate(bits - 1)) & ~within).any()
    limited, limit_sign = Signal(), Signal()
    m.d.sync += [limited.eq(beyond | ~stored), limit_sign.eq(sign & stored)]

    # A limit has the bits of the width unlike the sign.
    limit = delay(m, within, 1) ^ limit_sign.replicate(bits - 1)
    chosen = Mux(limited, Cat(limit, limit_sign), delay(m, rounded, 1))
    m.d.sync += [data.eq(chosen[: len(data)]), out_width.eq(delay(m, width, 2))]
    return delay(m, limited & delay(m, stored, 1), 1)


class Dequantiser(wiring.Component):
    """Undo :class:`Quantiser`: shift every field left, saturated to the format of a coefficient.

    Latency :func:`tilefold_hw.latency.dequantise`; one item a cycle, and none waits while ``o`` is
    taken. Golden model: :func:`tilefold.model.quantise.dequantise`.

    Parameters
    ----------
    config : CodecConfig

    Members
    -------
    i : In(stream of inner(laned(config.field), shift))
        Fields, sign-extended, and their shifts, ``laned`` too.
    o : Out(stream of inner(laned(config.coefficient)))
    """

    def __init__(self, config: CodecConfig):
        self.config = config
        lanes = config.lanes
        super().__init__(
            {
                "i": In(
                    stream.Signature(
                        inner(
                            laned(shape(config.field), lanes),
                            shift=laned(shift_width(config), lanes),
                        )
                    )
                ),
                "o": Out(stream.Signature(inner(laned(shape(config.coefficient), lanes)))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, lanes = self.config, self.config.lanes
        item = self.i.payload
        # Short as it is, all of it moves or nothing does: that is smaller than a queue.
        moves = Signal()
        m.d.comb += [moves.eq(~self.o.valid | self.o.ready), self.i.ready.eq(moves)]
        with m.If(moves):
            coefficients = [
                _dequantise(m, field, shift, config.coefficient)
                for field, shift in zip(
                    each(item.data, lanes), each(item.shift, lanes), strict=True
                )
            ]
            framing = Cat(item.last, item.bank, self.i.valid)
            framing = delay(m, framing, shift_cycles(shift_width(config)) + 1)
        for data, coefficient in zip(each(self.o.payload.data, lanes), coefficients, strict=True):
            m.d.comb += data.eq(coefficient)
        m.d.comb += Cat(self.o.payload.last, self.o.payload.bank, self.o.valid).eq(framing)
        return m


def _dequantise(m, field, shift, q):
    """Return *field* shifted left, saturated to *q*."""
    bits = q.width
    value, lost = Cat(field, field[-1].replicate(bits - len(field))), Const(0)

    # The coarsest levels first. What goes must be like the sign, and the sign stays.
    for top in range(len(shift), 0, -2):
        low = max(top - 2, 0)
        amount = shift[low:top]
        sign = value[-1]
        unlike = value ^ sign.replicate(bits)
        amounts = range(0, min(bits, 1 << top), 1 << low)
        moved = Array(Cat(value << s)[: bits - 1] for s in amounts)[amount]
        loses = Array(unlike[bits - 1 - s :].any() for s in amounts)[amount]
        value, lost, shift = (
            delay(m, part, 1) for part in (Cat(moved, sign), lost | loses, shift[:low])
        )
    limit = Cat((~value[-1]).replicate(bits - 1), value[-1])
    return delay(m, Mux(lost, limit, value), 1)
