"""Transposer: a matrix comes in by rows and leaves by columns, in place."""

from amaranth.hdl import Cat, Const, Module, Mux, Shape, ShapeLike, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .outlet import Outlet
from .ram import Ram
from .streams import inner


class Transposer(wiring.Component):
    """Transpose matrices in a stream, one matrix of memory for all of them.

    Items come row by row and leave column by column. Each new item takes the place of the one that
    left last: if item *n* of a matrix of *size* lies at address ``n · step mod (size - 1)``, then
    reading it by columns goes in steps of ``columns · step``, and so does writing the next one. The
    last item always lies at ``size - 1``. One adder modulo ``size - 1`` on either side makes the
    addresses, for any two dimensions.

    Latency :func:`tilefold_hw.latency.transpose`; one item a cycle and no bubble between matrices.
    When the run-time dimension changes, the matrix before drains first, and the first item after it
    waits :data:`tilefold_hw.latency.SETTLE` cycles.

    Parameters
    ----------
    shape : ShapeLike
        ``data`` of an item.
    rows, columns : int
        Dimensions; the most of the one that varies.
    vary : None, "rows" or "columns"
        The dimension that is set at run time.

    Members
    -------
    i : In(stream of inner(shape))
    o : Out(stream of inner(shape))
    count : In(range(most + 1))
        The dimension that varies, for the matrix whose first item is at ``i``. Only if ``vary``.
    """

    def __init__(self, shape: ShapeLike, rows: int, columns: int, *, vary: str | None = None):
        if vary not in (None, "rows", "columns"):
            raise ValueError(f"vary must be None, 'rows' or 'columns', not {vary!r}")
        if rows * columns < 5:
            raise ValueError(f"matrix must have at least 5 items, not {rows} × {columns}")
        self.shape = shape
        self.rows = rows
        self.columns = columns
        self.vary = vary
        members = {
            "i": In(stream.Signature(inner(shape))),
            "o": Out(stream.Signature(inner(shape))),
        }
        if vary:
            members["count"] = In(range((rows if vary == "rows" else columns) + 1))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        depth = self.rows * self.columns

        m.submodules.memory = store = Ram(Shape.cast(self.shape).width, depth)
        m.submodules.outlet = outlet = Outlet(inner(self.shape), latency=Ram.LATENCY)
        wiring.connect(m, outlet.o, wiring.flipped(self.o))

        # What is in the memory: items, and whether the matrix being read is whole.
        level = Signal(range(depth + 1))
        whole = Signal()

        # Geometry of the matrices inside. It changes only while there are none.
        w_index = Signal(range(depth))
        last, lead, columns, holds = self._geometry(m, level, w_index == 0)

        # Writing. The step of the next matrix is the address of the first item of the second row.
        w_address = Signal(range(depth))
        w_step = Signal(range(depth), init=1)
        next_step = Signal(range(depth), init=1)
        w_bank = Signal()
        w_last = Signal()

        # A place freed in this cycle is written in the next one at the earliest: the two ports
        # never meet at one address.
        m.d.comb += self.i.ready.eq(holds & (level <= last))
        write = self.i.valid & self.i.ready
        m.d.comb += [
            store.write.address.eq(w_address),
            store.write.data.eq(self.i.payload.data),
            store.write.stb.eq(write),
        ]
        w_end = w_index == last
        with m.If(w_index == columns):
            m.d.sync += next_step.eq(w_address)
        with m.If(write):
            m.d.sync += [
                w_index.eq(Mux(w_end, 0, w_index + 1)),
                w_address.eq(self._advance(w_address, w_step, w_index, last)),
            ]
            with m.If(w_index == 0):
                m.d.sync += w_bank.eq(self.i.payload.bank)
            with m.If(w_end):
                m.d.sync += [w_step.eq(next_step), w_last.eq(self.i.payload.last)]

        # Reading starts while the end of the matrix is still to come: no item can be overtaken.
        r_address = Signal(range(depth))
        r_index = Signal(range(depth))
        r_step = Signal(range(depth))
        r_bank = Signal()
        read = Signal()
        r_end = r_index == last
        r_begin = r_index == 0
        step = Mux(r_begin, next_step, r_step)
        m.d.comb += [
            read.eq(outlet.ready & (whole | (level > lead))),
            outlet.take.eq(read),
            store.address.eq(r_address),
        ]
        with m.If(read):
            m.d.sync += [
                r_index.eq(Mux(r_end, 0, r_index + 1)),
                r_address.eq(self._advance(r_address, step, r_index, last)),
                r_step.eq(step),
            ]
            with m.If(r_begin):
                m.d.sync += r_bank.eq(w_bank)

        with m.If(write & ~read):
            m.d.sync += level.eq(level + 1)
        with m.Elif(read & ~write):
            m.d.sync += level.eq(level - 1)
        with m.If(write & w_end):
            m.d.sync += whole.eq(1)
        with m.Elif(read & r_end):
            m.d.sync += whole.eq(0)
        # Another geometry starts from the plain order.
        with m.If(~holds & (level == 0)):
            m.d.sync += [w_step.eq(1), next_step.eq(1)]

        # cycle 1: the memory answers; cycle 2: its output register.
        fetched = Signal(inner(self.shape))
        fetched_valid = Signal()
        m.d.sync += [
            fetched_valid.eq(read),
            fetched.last.eq(r_end & w_last),
            fetched.bank.eq(Mux(r_begin, w_bank, r_bank)),
            outlet.push.eq(fetched_valid),
            outlet.payload.last.eq(fetched.last),
            outlet.payload.bank.eq(fetched.bank),
        ]
        m.d.comb += Value.cast(outlet.payload.data).eq(store.data)
        return m

    def _geometry(self, m, level, fresh):
        """Return last index, lead past which reading may start, columns, and "they hold"."""
        # Column n of the matrix is whole as soon as item (rows - 1, n) has come, which is
        # (rows - 1) · columns + n; reading at one item a cycle then needs a lead of
        # (rows - 1) · (columns - 1) items. Two more let the step of the matrix be known.
        if not self.vary:
            size = self.rows * self.columns
            return size - 1, (self.rows - 1) * (self.columns - 1) + 2, self.columns, Const(1)
        fixed = self.columns if self.vary == "rows" else self.rows
        count = Signal.like(self.count)
        last = Signal(range(self.rows * self.columns))
        lead = Signal(range(self.rows * self.columns + 3))
        settled = Signal(2)
        m.d.sync += [
            last.eq(count * fixed - 1),
            # The same product, but for (count - 1) · (fixed - 1) + 2.
            lead.eq(last - count - fixed + 4),
            settled.eq(Cat(1, settled)),
        ]
        holds, same = Signal(), Signal()
        m.d.comb += [same.eq(count == self.count), holds.eq(~fresh | (same & settled.all()))]
        with m.If(self.i.valid & fresh & ~same & (level == 0)):
            m.d.sync += [count.eq(self.count), settled.eq(0)]
        return last, lead, (self.columns if self.vary == "rows" else count), holds

    @staticmethod
    def _advance(address, step, index, last):
        """Address after the one of *index*: a step further modulo *last*, which ends the matrix."""
        total = address + step
        wrapped = Mux(total >= last, total - last, total)
        return Mux(index == last, 0, Mux(index + 1 == last, last, wrapped))
