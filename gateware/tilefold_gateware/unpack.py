"""Unpacker: memory words back into the fields that the tables say are in them."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, flipped

from tilefold_hw.config import GROUPS_WIDTH, CodecConfig
from tilefold_hw.regs import shift_width

from .arith import shape
from .outlet import Outlet
from .pipeline import Timed, delay
from .shift import shift_cycles, shift_right
from .streams import each, framed, inner, laned
from .tables import table_members
from .walk import Walker


class Unpacker(wiring.Component):
    """Cut words into fields: the inverse of :class:`~tilefold_gateware.pack.Packer`.

    A packet always gives the number of fields that its settings say. If ``last`` comes too early,
    the fields that are missing are zero; if it comes too late, the words past the packet are
    dropped. Either raises ``framing``, and the packet after is sound again.

    Latency :func:`tilefold_hw.latency.unpack` from a packet's first word to its first item of
    fields; one item a cycle, no bubble between packets. Golden model:
    :func:`tilefold.model.pack.unpack`.

    Parameters
    ----------
    config : CodecConfig

    Members
    -------
    i : In(stream of framed(word))
    o : Out(stream of inner(laned(config.field), shift))
        Fields, sign-extended, and their shifts, ``laned`` too.
    framing : Out(1)
        High for a cycle when a packet had too few words or too many.
    open : In(1)
        A packet may begin.
    begin : Out(1)
        The first word of a packet is taken in this cycle: the packet runs on ``next_bank``.
    next_bank, bank, groups, tile, channels, seven, index, table
        As in :class:`~tilefold_gateware.walk.Walker`.
    """

    def __init__(self, config: CodecConfig):
        self.config = config
        lanes = config.lanes
        super().__init__(
            {
                "i": In(stream.Signature(framed(config.word_width))),
                "o": Out(
                    stream.Signature(
                        inner(
                            laned(shape(config.field), lanes),
                            shift=laned(shift_width(config), lanes),
                        )
                    )
                ),
                "framing": Out(1),
                "open": In(1),
                "begin": Out(1),
                "next_bank": In(1),
                "bank": Out(1),
                "groups": In(GROUPS_WIDTH),
                "tile": Out(1),
                **table_members(config),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        lanes, bits, word = config.lanes, config.field.width, config.word_width
        m.submodules.walker = walker = Walker(config)
        for name in ("index", "table"):
            wiring.connect(m, flipped(getattr(self, name)), getattr(walker, name))
        m.d.comb += [
            walker.channels.eq(self.channels),
            walker.groups.eq(self.groups),
            walker.next_bank.eq(self.next_bank),
            self.bank.eq(walker.bank),
            self.tile.eq(walker.tile),
        ]
        if config.sevens:
            m.d.comb += walker.seven.eq(self.seven)

        # Words wait in a queue: enough for the next packet's first word to be seen a walk's latency
        # before the fields of this packet end.
        m.submodules.queue = queue = Outlet(1, Walker.WAITING - Outlet.ROUND, late=word)
        first = Signal(init=1)
        may = queue.ready & (~first | self.open)
        arrive = self.i.valid & may
        with m.If(arrive):
            m.d.sync += first.eq(self.i.payload.last)
        m.d.comb += [
            queue.payload.eq(self.i.payload.last),
            queue.late.eq(self.i.payload.data),
            queue.push.eq(arrive),
            queue.take.eq(arrive),
            self.i.ready.eq(may),
            self.begin.eq(arrive & first),
            walker.arrive.eq(self.begin),
        ]
        item, word_ends = walker.o.payload, queue.o.payload

        # What has gone is cut into its fields without a wait, from the cycle after on.
        taken, takes = Signal(word), Signal()
        ended, short, draining = Signal(), Signal(), Signal()
        about, head = walker.o_late, queue.o_late
        with m.If(delay(m, takes, 1)):
            m.d.sync += taken.eq(head)
        window = Cat(taken[1:], head[: lanes * bits])
        none, beyond = delay(m, ended & short, 1), delay(m, ended, 1)
        missing = [none | (beyond & past) for past in each(about.past, lanes)]
        fields, cycles = self._cut(m, window, about, missing)
        m.submodules.outlet = outlet = Outlet(self.o.payload.shape(), 1 + cycles)
        wiring.connect(m, outlet.o, flipped(self.o))
        goes = walker.o.valid & walker.o.ready
        for data, field in zip(each(outlet.payload.data, lanes), fields, strict=True):
            m.d.comb += data.eq(field)
        m.d.comb += [
            outlet.payload.shift.eq(delay(m, about.shift, cycles)),
            outlet.payload.last.eq(delay(m, item.last, 1 + cycles)),
            outlet.payload.bank.eq(delay(m, about.bank, cycles)),
            outlet.push.eq(delay(m, goes, 1 + cycles)),
            outlet.take.eq(goes),
        ]

        # An item goes as soon as the word that it takes is here. After the last word of a packet
        # there is none to take.
        lacks = item.takes & ended
        may = ~draining & (queue.o.valid | ended | ~item.takes)
        m.d.comb += [
            takes.eq(
                (~draining & queue.o.valid & ~ended & item.takes) & (walker.o.valid & outlet.ready)
            ),
            walker.o.ready.eq(may & outlet.ready),
            queue.o.ready.eq(takes | draining),
        ]

        # A packet ends well if its last word has been taken, and no bit was missing.
        over = ended | (takes & word_ends)
        ends, well = Signal(), Signal()
        m.d.sync += [
            ends.eq(goes & item.last),
            well.eq(over & ~lacks & ~short),
            self.framing.eq(ends & ~well),
        ]
        with m.If(goes):
            m.d.sync += [
                ended.eq(~item.last & over),
                short.eq(~item.last & (short | lacks)),
                draining.eq(item.last & ~over),
            ]
        with m.Elif(queue.o.valid & word_ends):
            m.d.sync += draining.eq(0)
        return m

    def _cut(self, m, window, item, missing):
        """Cut *item* out of the *window*; return its fields and how many cycles later they are."""
        lanes, bits = self.config.lanes, self.config.field.width
        # As in the packer, many lanes take more levels of a shift in a cycle.
        dense = lanes > 2
        block = Timed(
            shift_right(m, window, item.offset, lanes * bits, dense=dense),
            shift_cycles(len(item.offset), dense=dense),
        )
        widths = [
            Timed(delay(m, Mux(gone, 0, width), 1), 1)
            for width, gone in zip(each(item.width, lanes), missing, strict=True)
        ]
        parts = _part(m, block, widths, dense)

        # Extend their signs.
        cycle = max(part.cycle for part in parts)
        fields = []
        for part, width in zip(parts, widths, strict=True):
            cut, size = part.at(m, cycle), width.at(m, cycle)
            sign = delay(m, Cat(0, cut).bit_select(size, 1), 1)
            keep = delay(m, Cat(size > k for k in range(bits)), 1)
            cut = delay(m, cut, 1)
            fields.append(delay(m, Cat(Mux(keep[k], cut[k], sign) for k in range(bits)), 1))
        return fields, cycle + 2


def _part(m, block, widths, dense):
    """Cut *block* into the fields that it has in a row: low half and high half, and so on."""
    if len(widths) == 1:
        return [block]
    middle = len(widths) // 2
    size = len(block.value) // 2
    total = _total(m, widths[:middle])
    cycle = max(block.cycle, total.cycle)
    places = total.at(m, cycle)
    low = Timed(block.value[:size], block.cycle)
    high = Timed(
        shift_right(m, block.at(m, cycle), places, size, dense=dense),
        cycle + shift_cycles(len(places), dense=dense),
    )
    return _part(m, low, widths[:middle], dense) + _part(m, high, widths[middle:], dense)


def _total(m, widths):
    """Sum of widths, two by two."""
    while len(widths) > 1:
        widths = [
            Timed(delay(m, a.value + b.value, 1), a.cycle + 1)
            for a, b in zip(widths[::2], widths[1::2], strict=True)
        ]
    return widths[0]
