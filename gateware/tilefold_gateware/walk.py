"""Walker: where the fields of a packet lie, known before any of its words is."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, flipped

from tilefold_hw.config import GROUPS_WIDTH, CodecConfig
from tilefold_hw.regs import shift_width

from .outlet import Outlet
from .pipeline import delay
from .ring import Ring
from .streams import each, laned
from .tables import Tables, table_members, width_shape


class Walker(wiring.Component):
    """The fields of a packet in order: their widths and shifts, and where in its words they are.

    A packet's walk starts when its first word has come, and runs on the bank of that moment. It
    looks at the words through a window: the word that was taken last, and the one after it. An item
    of fields that end in the former takes nothing; others take the next word. So no item takes more
    than one, and a packet begins with nothing left of any. A packet without bits takes its one word
    with its last item.

    Latency :func:`tilefold_hw.latency.walk` from ``arrive``; one item a cycle, no bubble between
    packets that have arrived.

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
    o : Out(stream of layout: takes, last)
        Whether the item takes a word, and whether it is the last of its packet.
    o_late : Out(layout)
        What else there is to know of the item that was at ``o`` in the cycle before: ``width`` and
        ``shift`` of every field; ``past``: it ends past the word that was taken last (all three are
        ``laned``); ``offset``: where the item begins, counted from bit 1 of that word; ``bank``.
    channels, seven, index, table
        See :func:`~tilefold_gateware.tables.table_members`.
    """

    # Packets that can wait for their walk: as many as there are words that can wait.
    WAITING = 15

    def __init__(self, config: CodecConfig):
        self.config = config
        lanes = config.lanes
        late = data.StructLayout(
            {
                "width": laned(width_shape(config), lanes),
                "shift": laned(shift_width(config), lanes),
                "past": laned(1, lanes),
                "offset": range(config.word_width),
                "bank": 1,
            }
        )
        super().__init__(
            {
                "arrive": In(1),
                "next_bank": In(1),
                "bank": Out(1),
                "groups": In(GROUPS_WIDTH),
                "tile": Out(1),
                "o": Out(stream.Signature(data.StructLayout({"takes": 1, "last": 1}))),
                "o_late": Out(late),
                **table_members(config),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, lanes = self.config, self.config.lanes
        # The entries, what the fields add up to, and the place.
        latency = Tables.LATENCY + lanes.bit_length() + 1
        m.submodules.outlet = outlet = Outlet(
            self.o.payload.shape(), latency, late=self.o_late.shape()
        )
        wiring.connect(m, outlet.o, flipped(self.o))
        late = outlet.late
        m.submodules.tables = tables = Tables(config)
        tables.fill_from(m, self)

        # Whether a group is the last is found out while it is walked.
        active = Signal()
        group, following = Signal(GROUPS_WIDTH), Signal(GROUPS_WIDTH)
        alike, last_group = Signal(4), Signal()
        step = active & outlet.ready
        end = tables.group_end & last_group
        m.d.sync += [
            following.eq(group + 1),
            alike.eq(Cat(following[k::4] == self.groups[k::4] for k in range(4))),
            last_group.eq(alike.all()),
        ]
        group_ended = Signal()
        m.d.sync += group_ended.eq(step & tables.group_end)
        with m.If(group_ended):
            m.d.sync += group.eq(Mux(last_group, 0, following))

        # Banks of the packets whose first word is here and whose walk has not begun. Between two of
        # them the walk goes on without a pause: the next bank waits in a register.
        ahead, ahead_bank = Signal(), Signal()
        m.submodules.banks = banks = Ring(1, self.WAITING)
        m.d.comb += [
            banks.push.eq(self.arrive),
            banks.payload.eq(self.next_bank),
            banks.o.ready.eq(~ahead),
        ]
        with m.If(banks.o.ready):
            m.d.sync += [ahead.eq(banks.o.valid), ahead_bank.eq(banks.o.payload)]
        with m.If(step & end):
            m.d.sync += active.eq(0)
        with m.If(ahead & (~active | (step & end))):
            m.d.sync += [active.eq(1), self.bank.eq(ahead_bank), ahead.eq(0)]

        m.d.comb += [
            tables.step.eq(step),
            tables.bank.eq(self.bank),
            self.tile.eq(step & tables.tile_end),
            outlet.take.eq(step),
            self.o_late.eq(outlet.o_late),
            outlet.push.eq(delay(m, step, latency)),
            late.bank.eq(delay(m, self.bank, latency)),
        ]
        found = Tables.LATENCY
        entries = each(tables.entry, lanes)
        here, ends = delay(m, step, found), delay(m, step & end, found)
        for entry, width, shift in zip(
            entries,
            each(late.width, lanes),
            each(late.shift, lanes),
            strict=True,
        ):
            m.d.comb += [
                width.eq(delay(m, entry.width, latency - found)),
                shift.eq(delay(m, entry.shift, latency - found)),
            ]

        # Where each field of an item ends, counted from its first: sums over twice as many fields
        # in every cycle. A cycle without an item adds nothing.
        sums = [delay(m, Mux(here, entry.width, 0), 1) for entry in entries]
        reach = 1
        while reach < lanes:
            sums = [
                delay(m, value + sums[k - reach] if k >= reach else value, 1)
                for k, value in enumerate(sums)
            ]
            reach *= 2
        last = delay(m, ends, latency - found - 1)

        # Bits that are left of the word that was taken last.
        left, begun = Signal(range(config.word_width)), Signal()
        rest = left - sums[-1]
        crosses = rest[-1]
        m.d.sync += [
            left.eq(Mux(last, 0, rest[: len(left)])),
            begun.eq(~last & (begun | crosses)),
            outlet.payload.takes.eq(crosses | (last & ~begun)),
            late.offset.eq(~left),
            outlet.payload.last.eq(last),
        ]
        for past, value in zip(each(late.past, lanes), sums, strict=True):
            m.d.sync += past.eq(value > left)
        return m
