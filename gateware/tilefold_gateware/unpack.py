"""Unpacker: memory words back into the fields that the tables say are in them."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out, flipped

from tilefold_hw.config import GROUPS_WIDTH, CodecConfig
from tilefold_hw.regs import shift_width

from .arith import shape
from .outlet import Outlet
from .pipeline import delay
from .streams import framed, inner
from .tables import Tables, table_members


class Walker(wiring.Component):
    """The fields of a packet in order: their widths and shifts, known before any word is.

    A packet's walk starts when its first word has come, and runs on the bank of that moment.

    Latency 7 from ``arrive``; one field a cycle, no bubble between packets that have arrived.

    Parameters
    ----------
    config : CodecConfig

    Members
    -------
    arrive : In(1)
        The first word of a packet has come in this cycle.
    next_bank : In(1)
        Bank of a packet whose first word comes in this cycle.
    bank : Out(1)
        Bank of the packet being walked.
    groups : In(16)
        Tile groups in the packet being walked.
    tile : Out(1)
        High for a cycle for every tile.
    o : Out(stream of layout: width, shift, last, bank)
    channels, index, table
        See :func:`~tilefold_gateware.tables.table_members`.
    """

    _WAITING = 16

    def __init__(self, config: CodecConfig):
        self.config = config
        entry = data.StructLayout({"width": 5, "shift": shift_width(config), "last": 1, "bank": 1})
        super().__init__(
            {
                "arrive": In(1),
                "next_bank": In(1),
                "bank": Out(1),
                "groups": In(GROUPS_WIDTH),
                "tile": Out(1),
                "o": Out(stream.Signature(entry)),
                **table_members(config),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.outlet = outlet = Outlet(self.o.payload.shape(), latency=3)
        wiring.connect(m, outlet.o, flipped(self.o))
        m.submodules.tables = tables = Tables(self.config)
        tables.fill_from(m, self)

        active = Signal()
        group = Signal(GROUPS_WIDTH)
        step = active & outlet.ready
        end = tables.group_end & (group + 1 == self.groups)
        with m.If(step & tables.group_end):
            m.d.sync += group.eq(Mux(end, 0, group + 1))

        # Packets whose first word is here and whose walk has not begun, and their banks: more than
        # there are words that can wait. Between two of them the walk goes on without a pause.
        banks = Signal(self._WAITING)
        came, begun = Signal(range(self._WAITING)), Signal(range(self._WAITING))
        with m.If(self.arrive):
            m.d.sync += [banks.bit_select(came, 1).eq(self.next_bank), came.eq(came + 1)]
        with m.If((came != begun) & (~active | (step & end))):
            m.d.sync += [
                active.eq(1),
                self.bank.eq(banks.bit_select(begun, 1)),
                begun.eq(begun + 1),
            ]
        with m.Elif(step & end):
            m.d.sync += active.eq(0)

        later = Tables.LATENCY
        m.d.comb += [
            tables.step.eq(step),
            outlet.take.eq(step),
            tables.bank.eq(self.bank),
            self.tile.eq(step & tables.tile_end),
            outlet.push.eq(delay(m, step, later)),
            outlet.payload.width.eq(tables.entry.width),
            outlet.payload.shift.eq(tables.entry.shift),
            outlet.payload.last.eq(delay(m, end, later)),
            outlet.payload.bank.eq(delay(m, self.bank, later)),
        ]
        return m


class Unpacker(wiring.Component):
    """Cut words into fields: the inverse of :class:`~tilefold_gateware.pack.Packer`.

    A packet always gives the number of fields that its settings say. If ``last`` comes too early,
    the fields that are missing are zero; if it comes too late, the words past the packet are
    dropped. Either raises ``framing``, and the packet after is sound again.

    Latency :data:`tilefold_hw.latency.UNPACK` from a packet's first word to its first field; one
    field a cycle, no bubble between packets. Golden model: :func:`tilefold.model.pack.unpack`.

    Parameters
    ----------
    config : CodecConfig

    Members
    -------
    i : In(stream of framed(word))
    o : Out(stream of inner(config.field, shift))
        Fields, sign-extended, and their shifts.
    framing : Out(1)
        High for a cycle when a packet had too few words or too many.
    begin : Out(1)
        The first word of a packet is taken in this cycle: the packet runs on ``next_bank``.
    next_bank, bank, groups, tile, channels, index, table
        As in :class:`Walker`.
    """

    # Words that can wait: enough for the next packet's first word to be seen a walk's latency
    # before the fields of this packet end.
    _WAITING = 6

    def __init__(self, config: CodecConfig):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(framed(config.word_width))),
                "o": Out(stream.Signature(inner(shape(config.field), shift=shift_width(config)))),
                "framing": Out(1),
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
        bits, word = config.field.width, config.word_width
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

        # Words wait in a queue, then in a window of three: a field may reach over two, and the end
        # of a packet may drop two while the next packet's first field needs the third.
        layout = framed(word)
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(width=word + 1, depth=self._WAITING)
        first = Signal(init=1)
        arrive = self.i.valid & self.i.ready
        with m.If(arrive):
            m.d.sync += first.eq(self.i.payload.last)
        m.d.comb += [
            queue.w_data.eq(self.i.payload),
            queue.w_en.eq(self.i.valid),
            self.i.ready.eq(queue.w_rdy),
            self.begin.eq(arrive & first),
            walker.arrive.eq(self.begin),
        ]
        window = [Signal(layout, name=f"word_{k}") for k in range(3)]
        count = Signal(range(4))
        retire = Signal(range(3))
        take = queue.r_rdy & (count <= 2)
        m.d.comb += queue.r_en.eq(take)
        m.d.sync += count.eq(count - retire + take)
        for k in range(3):
            with m.Switch(retire):
                for gone in range(1, 3 - k):
                    with m.Case(gone):
                        m.d.sync += window[k].eq(window[k + gone])
            with m.If(take & (count == retire + k)):
                m.d.sync += Value.cast(window[k]).eq(queue.r_data)

        # cycle 1: see whether the field's words are here, and which it uses up.
        m.submodules.outlet = outlet = Outlet(self.o.payload.shape(), latency=3)
        wiring.connect(m, outlet.o, flipped(self.o))
        field, start = walker.o.payload, Signal(range(word))
        end = start + field.width
        over = end > word
        stored = field.width != 0
        begun, ended, short, draining = Signal(), Signal(), Signal(), Signal()
        missing = stored & (short | ended | (over & (count != 0) & window[0].last))
        used = stored & ~missing
        empty = field.last & ~begun & ~stored  # the packet has no bits, but a word
        here = Mux(used, count > over, ~empty | (count != 0))
        fire = walker.o.valid & outlet.ready & here & ~draining
        m.d.comb += [
            walker.o.ready.eq(outlet.ready & here & ~draining),
            outlet.take.eq(fire),
        ]

        last_use = Signal(range(3))
        with m.If(ended):
            m.d.comb += last_use.eq(0)
        with m.Elif(missing | short | empty):
            m.d.comb += last_use.eq(1)
        with m.Else():
            m.d.comb += last_use.eq(Mux(over, 2, end != 0))
        with m.If(draining):
            m.d.comb += retire.eq(count != 0)
        with m.Elif(fire):
            m.d.comb += retire.eq(Mux(field.last, last_use, used & (end >= word)))
        ends = ended | ((retire == 1) & window[0].last) | ((retire == 2) & window[1].last)
        m.d.sync += self.framing.eq(fire & field.last & (missing | short | ~ends))
        with m.If(draining):
            m.d.sync += draining.eq(~ends)
        with m.Elif(fire):
            m.d.sync += [
                start.eq(Mux(field.last, 0, Mux(used, end, start))),
                begun.eq(~field.last & (begun | stored)),
                short.eq(~field.last & (short | missing)),
                ended.eq(~field.last & ends),
                draining.eq(field.last & ~ends),
            ]

        # cycle 2: cut the field's bits out; cycle 3: extend its sign.
        pair = delay(m, Cat(window[0].data, window[1].data[: bits - 1]), 1)
        cut = Signal(bits)
        m.d.sync += cut.eq(pair >> delay(m, start, 1))
        width = delay(m, Mux(used, field.width, 0), 2)
        sign = Cat(cut[k] & (width == k + 1) for k in range(bits)).any()
        extended = Cat(Mux(width > k, cut[k], sign) for k in range(bits))
        m.d.sync += [
            outlet.push.eq(delay(m, fire, 2)),
            outlet.payload.data.eq(extended),
            outlet.payload.shift.eq(delay(m, field.shift, 2)),
            outlet.payload.last.eq(delay(m, field.last, 2)),
            outlet.payload.bank.eq(delay(m, field.bank, 2)),
        ]
        return m
