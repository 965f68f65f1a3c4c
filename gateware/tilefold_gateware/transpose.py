"""Transposer: a matrix comes in by rows and leaves by columns, in place."""

from amaranth.hdl import Cat, Const, Module, Mux, Shape, ShapeLike, Signal, Value, signed
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
        # With fewer, reading would wait for more items than there is room for.
        if rows + columns < 7:
            raise ValueError(f"rows and columns must add up to 7 or more, not {rows} + {columns}")
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
        write, w_first = Signal(), Signal(init=1)
        last, lead, columns, holds = self._geometry(m, level, w_first)
        start = 0 if self.vary else 1 - last
        before_last = last - 2
        if self.vary:
            before_last = Signal.like(level)
            m.d.sync += before_last.eq(last - 2)

        # Writing. The step of the next matrix is the address of the first item of the second row;
        # where a step wraps, it goes back by ``last`` as well.
        less_shape = signed(len(level) + 1)
        w_step, next_step = Signal(range(depth), init=1), Signal(range(depth), init=1)
        w_less, next_less = Signal(less_shape, init=start), Signal(less_shape, init=start)
        w_bank, w_last, w_ended = Signal(), Signal(), Signal()
        w_address, w_index, w_end = self._walk(
            m, "w", write, w_first, w_step, w_less, last, before_last
        )

        # A place freed in this cycle is written in the next one at the earliest: the two ports
        # never meet at one address. A cycle passes until a level decides.
        room = Signal()
        m.d.sync += room.eq(level < last)
        m.d.comb += [
            self.i.ready.eq(holds & room),
            write.eq(self.i.valid & self.i.ready),
            store.write.address.eq(w_address),
            store.write.data.eq(self.i.payload.data),
            store.write.stb.eq(write),
        ]
        with m.If(w_index == columns):
            m.d.sync += [next_step.eq(w_address), next_less.eq(w_address - last)]
        with m.If(write & w_first):
            m.d.sync += w_bank.eq(self.i.payload.bank)
        with m.If(write & w_end):
            m.d.sync += [
                w_step.eq(next_step),
                w_less.eq(next_less),
                w_last.eq(self.i.payload.last),
            ]

        # Reading starts while the end of the matrix is still to come: no item can be overtaken.
        read, r_first, r_bank, deep = Signal(), Signal(init=1), Signal(), Signal()
        r_step, r_less = Signal(range(depth)), Signal(less_shape)
        r_address, _, r_end = self._walk(
            m, "r", read, r_first, r_step, r_less, last, before_last, next_step
        )
        m.d.sync += [deep.eq(level > lead), w_ended.eq(write & w_end)]
        m.d.comb += [
            read.eq(outlet.ready & (whole | deep)),
            outlet.take.eq(read),
            store.address.eq(r_address),
        ]
        with m.If(read & r_first):
            m.d.sync += [r_bank.eq(w_bank), r_step.eq(next_step), r_less.eq(next_less)]

        with m.If(write & ~read):
            m.d.sync += level.eq(level + 1)
        with m.Elif(read & ~write):
            m.d.sync += level.eq(level - 1)
        with m.If(w_ended):
            m.d.sync += whole.eq(1)
        with m.Elif(read & r_end):
            m.d.sync += whole.eq(0)
        # Another geometry starts from the plain order.
        with m.If(~holds & (level == 0)):
            m.d.sync += [w_step.eq(1), w_less.eq(1 - last), next_step.eq(1), next_less.eq(1 - last)]

        # cycle 1: the memory answers; cycle 2: its output register.
        fetched = Signal(inner(self.shape))
        fetched_valid = Signal()
        m.d.sync += [
            fetched_valid.eq(read),
            fetched.last.eq(r_end & w_last),
            fetched.bank.eq(Mux(r_first, w_bank, r_bank)),
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
    def _walk(m, name, advance, first, step, less, last, before_last, first_step=None):
        """Walk through the addresses of matrices; return address, index and "it is the last".

        An address is a *step* further than the one before, modulo *last*, which ends the matrix.
        The first one is 0, and *first* is high there; a step from it is *first_step*, if that is
        not *step* itself.
        """
        address, index = (
            Signal.like(step, name=f"{name}_{x}", init=0) for x in ("address", "index")
        )
        nearly, end = Signal(name=f"{name}_nearly"), Signal(name=f"{name}_end")
        straight, wrapped = address + step, Signal(signed(len(address) + 2))
        m.d.comb += wrapped.eq(address + less)
        following = Mux(wrapped[-1], straight, wrapped)
        if first_step is not None:
            following = Mux(first, first_step, following)
        with m.If(advance):
            m.d.sync += [
                first.eq(end),
                end.eq(nearly),
                nearly.eq(index == before_last),
                index.eq(Mux(end, 0, index + 1)),
                address.eq(Mux(end, 0, Mux(nearly, last, following))),
            ]
        return address, index, end
