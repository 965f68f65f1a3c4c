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
    has come in the cycle before it leaves, at the latest. No bubble between tiles.

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
    o_data : Out(laned(o))
        The items themselves, :attr:`lag` cycles later.
    """

    def __init__(self, i: Q, o: Q, lanes: int, latency: int):
        self.shape = shape(o)
        self.dropped = i.f - o.f
        self.lanes = lanes
        self.beats = POINTS // lanes
        self.wait, self.lag = corner(latency, lanes)
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
                "o_data": Out(laned(shape(o), lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        r_turn, column, beat = self._sweep(m)
        w_turn, w_row, w_beat, push, coming = self._arrive(m)

        low = (self.lanes - 1).bit_length()  # bits of the number of a lane
        going = []
        for bank in range(self.lanes):
            # Item (r, c) lies at its row, and its column's piece in it.
            plain = {"w": Cat(w_beat, w_row), "r": Cat(beat, column)}
            turned = {
                "w": Cat(w_row[low:], w_row[:low] ^ Const(bank, low), w_beat),
                "r": Cat(column[low:], column[:low] ^ Const(bank, low), beat),
            }
            w_address = Cat(Mux(w_turn[-1], turned["w"], plain["w"]), w_turn[:-1])
            r_address = Cat(Mux(r_turn[-1], plain["r"], turned["r"]), r_turn[:-1])
            depth = POINTS * self.beats * self.tiles
            if self.lanes == 1:
                m.submodules.bank = store = Ram(self.shape.width, depth)
                m.d.comb += [
                    store.write.address.eq(w_address),
                    store.write.data.eq(coming[bank]),
                    store.write.stb.eq(push),
                    store.address.eq(r_address),
                ]
                going.append(store.data)
                continue
            # The exchange comes before the register.
            m.submodules[f"bank_{bank}"] = store = memory.Memory(
                shape=self.shape, depth=depth, init=[]
            )
            w_port, r_port = store.write_port(), store.read_port()
            m.d.comb += [
                w_port.addr.eq(w_address),
                w_port.data.eq(coming[bank]),
                w_port.en.eq(push),
                r_port.addr.eq(r_address),
            ]
            going.append(r_port.data)
        if low:
            going = [delay(m, x, 1) for x in _exchange(going, delay(m, column[:low], 1))]
        for out, value in zip(each(self.o_data, self.lanes), going, strict=True):
            m.d.comb += out.eq(value)
        return m

    def _arrive(self, m):
        """Count what is pushed; return turn, row, beat, "write" and what goes to each bank."""
        turn, row, beat = Signal(range(2 * self.tiles)), Signal(3), Signal(range(self.beats))
        beat_end = beat == self.beats - 1
        with m.If(self.push):
            m.d.sync += beat.eq(Mux(beat_end, 0, beat + 1))
            with m.If(beat_end):
                m.d.sync += [row.eq(row + 1), turn.eq(turn + (row == POINTS - 1))]
        coming = each(self.data, self.lanes)
        if self.lanes > 1:
            coming = _exchange(coming, row[: (self.lanes - 1).bit_length()])
        # A cycle on the way to the banks: memories lie far from adders, and lanes change places.
        later = [delay(m, x, 1) for x in (turn, row, beat, self.push)]
        return *later, [round_shift(_register(m, x), self.dropped) for x in coming]

    def _sweep(self, m):
        """Read tiles, column by column; return turn, column and beat."""
        # Rows taken whose places are not free again.
        inside = Signal(range(POINTS * self.tiles + 1))
        row = Signal(3)
        m.d.comb += self.room.eq(inside != POINTS * self.tiles)
        with m.If(self.take):
            m.d.sync += row.eq(row + 1)
        whole = self.take & (row == POINTS - 1)

        beat, column, turn = Signal(range(self.beats)), Signal(3), Signal(range(2 * self.tiles))
        beat_end = beat == self.beats - 1
        read = self.o.valid & self.o.ready
        column_end = read & beat_end
        tile_end = column_end & (column == POINTS - 1)
        with m.If(read):
            m.d.sync += beat.eq(Mux(beat_end, 0, beat + 1))
        with m.If(column_end):
            m.d.sync += [column.eq(column + 1), turn.eq(turn + (column == POINTS - 1))]
        m.d.sync += inside.eq(inside + self.take - delay(m, column_end, 1))

        # Tiles that may be read; their framing is asked for at the end of a column.
        ready, left = Signal(range(self.tiles + 1)), Signal(range(self.tiles + 1))
        soon, took = (delay(m, flag, self.wait - 1) for flag in (whole, self.took))
        m.d.comb += left.eq(ready + soon - tile_end)
        m.d.sync += [ready.eq(left), self.o.valid.eq(left != 0)]
        framing = [Signal(FRAMING, name=f"framing_{k}") for k in range(self.tiles)]
        w_turn = Signal.like(turn)
        with m.If(soon):
            m.d.sync += w_turn.eq(w_turn + 1)
            for k, each_framing in enumerate(framing):
                with m.If(w_turn[:-1] == k):
                    m.d.sync += each_framing.eq(took)
        current = FRAMING(Array(Cat(x) for x in framing)[turn[:-1]])
        m.d.comb += [
            self.o.payload.last.eq(current.last & beat_end & (column == POINTS - 1)),
            self.o.payload.bank.eq(current.bank),
        ]
        return turn, column, beat


def _register(m, value):
    register = Signal.like(value)
    m.d.sync += register.eq(value)
    return register


def _exchange(values, number):
    """Return *values*, value *k* at place ``k ^ number``."""
    for bit in range(len(number)):
        values = [
            Mux(number[bit], values[place ^ 1 << bit], values[place])
            for place in range(len(values))
        ]
    return values
