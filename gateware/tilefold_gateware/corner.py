"""Corner: tiles of eight by eight turn from rows into columns between the two passes."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.fixed import Q
from tilefold_hw.latency import corner

from .arith import round_shift, shape
from .pipeline import delay
from .ram import Ram
from .streams import each, laned
from .vector import FRAMING, POINTS


class Corner(wiring.Component):
    """Transpose tiles of eight by eight, ``lanes`` items a cycle.

    Rows come from a :class:`~tilefold_gateware.vector.VectorPass`, columns go to one. The lanes lie
    in as many banks: item (r, c) in bank ``r ^ c`` modulo *lanes*, so that neither a piece of a row
    nor one of a column has two items in a bank. Rows take the places of the
    columns that have just left; where they come too soon for that, two or four tiles take turns.

    A tile's columns are read ``wait`` cycles after the pass has taken its last row: then each item
    has come in the cycle before it leaves, at the latest. Of one lane, the first column is offered
    earlier than that, and only its last item must wait. No bubble between tiles.

    Parameters
    ----------
    i, o : Q
        Formats of an item that comes, and of one that goes: rounded, if it has fewer bits.
    lanes : int
    latency : int
        Cycles from ``take`` to the first ``push`` of a row.

    Members
    -------
    room, take, took, push : Out(1), In(1), In(FRAMING), In(1)
        The other side of those of the pass in front.
    data : In(laned(i))
        Items pushed.
    o : Out(stream of FRAMING)
        Transfers of items, to the pass behind. ``last`` is on the last of a tile.
    whole : Out(1)
        All of the column that is at ``o`` is there. If not, its last item must wait.
    o_data : Out(laned(o))
        The items themselves, :attr:`lag` cycles later.
    """

    def __init__(self, i: Q, o: Q, lanes: int, latency: int):
        self.shape = shape(o)
        self.dropped = i.f - o.f
        self.lanes = lanes
        self.beats = POINTS // lanes
        #: One lane is rounded where it leaves the memory: what comes needs no adder on its way.
        self.late = bool(lanes == 1 and self.dropped)
        self.wait, self.lag = corner(latency, lanes, late=self.late)
        # A tile's first column has left when the row comes that takes its places.
        period = POINTS * self.beats
        self.tiles = next(tiles for tiles in (2, 4) if self.wait < period * (tiles - 1))
        super().__init__(
            {
                "room": Out(1),
                "take": In(1),
                "took": In(FRAMING),
                "push": In(1),
                "data": In(laned(shape(i), lanes)),
                "o": Out(stream.Signature(FRAMING)),
                "whole": Out(1),
                "o_data": Out(laned(shape(o), lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        r_addresses, column = self._sweep(m)
        w_addresses, push, coming = self._arrive(m)
        depth = POINTS * self.beats * self.tiles
        going = []
        for bank in range(self.lanes):
            if self.lanes == 1:
                m.submodules.bank = store = Ram(len(coming[bank]), depth)
                m.d.comb += [
                    store.write.address.eq(w_addresses[bank]),
                    store.write.data.eq(coming[bank]),
                    store.write.stb.eq(push),
                    store.address.eq(r_addresses[bank]),
                ]
                going.append(store.data.as_signed())
                continue
            # The exchange comes before the register.
            m.submodules[f"bank_{bank}"] = store = memory.Memory(
                shape=self.shape, depth=depth, init=[]
            )
            w_port, r_port = store.write_port(), store.read_port()
            m.d.comb += [
                w_port.addr.eq(w_addresses[bank]),
                w_port.data.eq(coming[bank]),
                w_port.en.eq(push),
                r_port.addr.eq(r_addresses[bank]),
            ]
            going.append(r_port.data)
        if self.late:
            going = [delay(m, self._round(x), 1) for x in going]
        if self.lanes > 1:
            going = [delay(m, x, 1) for x in _exchange(going, delay(m, self._lane(column), 1))]
        for out, value in zip(each(self.o_data, self.lanes), going, strict=True):
            m.d.comb += out.eq(value)
        return m

    def _round(self, value):
        return round_shift(value, self.dropped)[: self.shape.width].as_signed()

    def _lane(self, number):
        """Bits of the *number* of a row or column that exchange lanes."""
        return number[: (self.lanes - 1).bit_length()]

    def _parts(self, place):
        """Parts of a *place* in the order of coming or going: turn, row or column, and beat."""
        low = (self.beats - 1).bit_length()
        return place[low + 3 :], place[low : low + 3], place[:low]

    def _addresses(self, place, turned):
        """Address of a *place* in each bank, in turns that are the other way round if *turned*.

        Item (r, c) lies at its row, and its column's piece in it.
        """
        turn, number, beat = self._parts(place)
        lane = self._lane(number)
        return [
            Cat(
                Mux(
                    turn[-1] ^ turned,
                    Cat(number[len(lane) :], lane ^ Const(bank, len(lane)), beat),
                    Cat(beat, number),
                ),
                turn[:-1],
            )
            for bank in range(self.lanes)
        ]

    def _arrive(self, m):
        """Count what is pushed; return its addresses, "write" and what goes to each bank."""
        place = Signal(range(2 * self.tiles * POINTS * self.beats))
        with m.If(self.push):
            m.d.sync += place.eq(place + 1)
        addresses = self._addresses(place, turned=0)
        coming = each(self.data, self.lanes)
        if self.late:
            return addresses, self.push, coming
        if self.lanes > 1:
            _, row, _ = self._parts(place)
            coming = _exchange(coming, self._lane(row))
        # A cycle on the way to the banks: memories lie far from adders, and lanes change places.
        addresses, coming = ([delay(m, x, 1) for x in those] for those in (addresses, coming))
        return addresses, delay(m, self.push, 1), [self._round(x.as_signed()) for x in coming]

    def _sweep(self, m):
        """Read tiles, column by column; return the addresses, and the column."""
        read = self.o.valid & self.o.ready
        # The place after, too: its addresses are found before it is there.
        place = Signal(range(2 * self.tiles * POINTS * self.beats))
        after = Signal.like(place, init=1)
        turn, column, beat = self._parts(place)
        column_end = read & (beat == self.beats - 1)
        final = Signal()
        addresses = [
            Signal(len(x), init=bank * self.beats, name=f"r_address_{bank}")
            for bank, x in enumerate(self._addresses(after, turned=1))
        ]
        with m.If(read):
            m.d.sync += [
                place.eq(after),
                after.eq(after + 1),
                final.eq(Cat(beat, column) == POINTS * self.beats - 2),
                *(x.eq(y) for x, y in zip(addresses, self._addresses(after, 1), strict=True)),
            ]
        tile_end = read & final

        # Rows taken whose places are not free again. ``room`` follows what is taken three cycles
        # later.
        inside, room = Signal(range(POINTS * self.tiles + 1)), Signal(init=1)
        taken, freed = delay(m, self.take, 1), delay(m, column_end, 1)
        with m.If(taken != freed):
            m.d.sync += inside.eq(inside + Mux(taken, 1, -1))
        m.d.sync += room.eq(inside < POINTS * self.tiles - 2 // self.beats)
        m.d.comb += self.room.eq(room)

        # Tiles that may be read. Of one lane, the first column may be but for its last item, before
        # the last row is there.
        row = Signal(3)
        with m.If(taken):
            m.d.sync += row.eq(row + 1)
        last_row = taken & (row == POINTS - 1)
        if self.lanes == 1:
            begun = taken & (row == POINTS - 2)
            m.d.comb += [
                self.o.valid.eq(self._some(m, "begun", delay(m, begun, self.wait), tile_end)),
                self.whole.eq(self._some(m, "whole", delay(m, last_row, self.wait + 5), tile_end)),
            ]
        else:
            come = delay(m, last_row, self.wait - 2)
            m.d.comb += [self.o.valid.eq(self._some(m, "whole", come, tile_end)), self.whole.eq(1)]

        framing = [Signal(FRAMING, name=f"framing_{k}") for k in range(self.tiles)]
        w_turn, took = Signal(range(self.tiles)), delay(m, self.took, 1)
        with m.If(last_row):
            m.d.sync += w_turn.eq(w_turn + 1)
            for k, each_framing in enumerate(framing):
                with m.If(w_turn == k):
                    m.d.sync += each_framing.eq(took)
        current = FRAMING(Array(Cat(x) for x in framing)[turn[:-1]])
        m.d.comb += [
            self.o.payload.last.eq(current.last & final),
            self.o.payload.bank.eq(current.bank),
        ]
        return addresses, column

    def _some(self, m, name, come, gone):
        """Whether any tiles are left, of those that *come* and those *gone*."""
        count = Signal(range(self.tiles + 1), name=f"{name}_tiles")
        some = Signal(name=f"some_{name}")
        m.d.sync += [
            count.eq(count + come - gone),
            some.eq(come | (count > 1) | (some & ~gone)),
        ]
        return some


def _exchange(values, number):
    """Return *values*, value *k* at place ``k ^ number``."""
    for bit in range(len(number)):
        values = [
            Mux(number[bit], values[place ^ 1 << bit], values[place])
            for place in range(len(values))
        ]
    return values
