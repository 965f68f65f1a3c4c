"""Transposer: a matrix comes in by rows and leaves by columns, in place."""

from amaranth.hdl import Cat, Const, Module, Mux, Shape, ShapeLike, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .outlet import Outlet
from .pipeline import delay
from .ram import Ram
from .streams import banked, banks, inner


class Transposer(wiring.Component):
    """Transpose matrices in a stream, one matrix of memory for all of them.

    Items come row by row and leave column by column. Each new item takes the place of the one that
    left last: if item *n* of a matrix of *size* lies at address ``n · step mod (size - 1)``, then
    reading it by columns goes in steps of ``columns · step``, and so does writing the next one. The
    last item always lies at ``size - 1``. One adder modulo ``size - 1`` on either side makes the
    addresses, for any two dimensions.

    Latency :func:`tilefold_hw.latency.transpose`, and :data:`tilefold_hw.latency.VARY` more if a
    dimension is set at run time; one item a cycle and no bubble between matrices.
    When a run-time dimension changes, the matrix before drains first, and the first item after it
    waits :data:`tilefold_hw.latency.SETTLE` cycles.

    Parameters
    ----------
    shape : ShapeLike
        ``data`` of an item.
    rows, columns : int
        Dimensions; the most of the one that varies.
    vary : None, "rows" or "columns"
        The dimension that is set at run time.
    less : int
        By how much the other dimension may be smaller, in matrices of a bank that says so: one less
        than a power of two. Only if ``vary``.

    Members
    -------
    i : In(stream of inner(shape))
    o : Out(stream of inner(shape))
    counts : In(banked(range(most + 1)))
        The dimension that varies, in either bank: it must stand a cycle before the first item of a
        matrix of that bank is at ``i``. Only if ``vary``.
    smaller : In(banked(1))
        The other dimension is the smaller one, likewise. Only if ``less``.
    """

    def __init__(
        self, shape: ShapeLike, rows: int, columns: int, *, vary: str | None = None, less: int = 0
    ):
        if vary not in (None, "rows", "columns"):
            raise ValueError(f"vary must be None, 'rows' or 'columns', not {vary!r}")
        # With fewer, reading would wait for more items than there is room for.
        if rows + columns < 7:
            raise ValueError(f"rows and columns must add up to 7 or more, not {rows} + {columns}")
        if less & (less + 1) or (less and not vary):
            raise ValueError(
                f"less must be 0, or with vary one less than a power of two, not {less}"
            )
        self.shape = shape
        self.rows = rows
        self.columns = columns
        self.vary = vary
        self.less = less
        members = {
            "i": In(stream.Signature(inner(shape))),
            "o": Out(stream.Signature(inner(shape))),
        }
        if vary:
            most = rows if vary == "rows" else columns
            members["counts"] = In(banked(range(most + 1)))
        if less:
            members["smaller"] = In(banked(1))
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

        # What is next to be written, and the geometry of the matrices inside, which changes only
        # while there are none.
        item, write, w_first, room, empty = (
            Signal(inner(self.shape)),
            Signal(),
            Signal(init=1),
            Signal(),
            Signal(init=1),
        )
        if self.vary:
            last, lead, columns, restart = self._varied(m, item, write, w_first, room, empty)
        else:
            last, columns, restart = depth - 1, self.columns, Const(0)
            lead = self._lead(self.rows, self.columns)
            m.d.comb += [
                item.eq(self.i.payload),
                self.i.ready.eq(room),
                write.eq(self.i.valid & room),
            ]

        # Writing. The stride of the next matrix is the address of the first item of its second row.
        next_stride, w_stride = (self._stride(name, last) for name in ("next", "w"))
        w_address, w_end = self._walk(m, "w", write, w_first, w_stride, last)
        w_bank, w_last, w_ended = Signal(), Signal(), Signal()
        place = Signal(range(1, self.columns + 1), init=1)
        sought, second_row = Signal(init=1), Signal()
        comes = sought & (place == columns)
        with m.If(write):
            m.d.sync += [
                place.eq(place + 1),
                second_row.eq(comes & ~w_end),
                sought.eq(w_end | (sought & ~comes)),
            ]
        with m.If(write & w_end):
            m.d.sync += place.eq(1)
        # Another geometry starts from the plain order.
        step = w_address | restart
        with m.If(second_row | restart):
            m.d.sync += [next_stride.step.eq(step), next_stride.over.eq(last - step)]

        # A place freed in this cycle is written in the next one at the earliest: the two ports
        # never meet at one address. A cycle passes until a level decides.
        m.d.sync += room.eq(level < last)
        m.d.comb += [
            store.write.address.eq(w_address),
            store.write.data.eq(item.data),
            store.write.stb.eq(write),
        ]
        with m.If(write & w_first):
            m.d.sync += w_bank.eq(item.bank)
        with m.If(write & w_end):
            m.d.sync += w_last.eq(item.last)
        with m.If(w_first | (write & w_end)):
            m.d.sync += w_stride.eq(next_stride)

        # Reading starts while the end of the matrix is still to come: no item can be overtaken.
        read, r_first, r_bank, deep = Signal(), Signal(init=1), Signal(), Signal()
        r_stride = self._stride("r", last)
        r_address, r_end = self._walk(m, "r", read, r_first, r_stride, last)
        m.d.sync += [deep.eq(level > lead), w_ended.eq(write & w_end)]
        m.d.comb += [
            read.eq(outlet.ready & (whole | deep)),
            outlet.take.eq(read),
            store.address.eq(r_address),
        ]
        # A matrix is not begun before the stride that it is read in has stood for a cycle.
        with m.If(r_first | (read & r_end)):
            m.d.sync += r_stride.eq(next_stride)
        with m.If(read & r_first):
            m.d.sync += r_bank.eq(w_bank)

        m.d.sync += empty.eq(level == 0)
        with m.If(write ^ read):
            m.d.sync += level.eq(level + Cat(1, read.replicate(len(level) - 1)))
        with m.If(w_ended):
            m.d.sync += whole.eq(1)
        with m.Elif(read & r_end):
            m.d.sync += whole.eq(0)
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

    @staticmethod
    def _lead(rows, columns):
        """Level past which a matrix may be read."""
        # Column n of the matrix is whole as soon as item (rows - 1, n) has come, which is
        # (rows - 1) · columns + n; reading at one item a cycle then needs a lead of
        # (rows - 1) · (columns - 1) items. Two more let the step of the matrix be known.
        return (rows - 1) * (columns - 1) + 2

    def _varied(self, m, item, write, fresh, room, empty):
        """Hold back what does not fit the geometry, and change that.

        Return the last index, the lead, the columns, and "start from the plain order".
        """
        # An item waits in a register, for its bank to be looked up before it is asked for.
        counts = banks(self.counts)
        valid, moves, holds = Signal(), Signal(), Signal()
        m.d.comb += [
            write.eq(valid & room & (~fresh | holds)),
            moves.eq(~valid | write),
            self.i.ready.eq(moves),
        ]
        with m.If(moves):
            m.d.sync += [valid.eq(self.i.valid), item.eq(self.i.payload)]
        count, same, settled = Signal.like(counts[0]), Signal(2), Signal(2)
        geometry, geometries = count, counts
        if self.less:
            small = Signal()
            geometry = Cat(count, small)
            geometries = tuple(Cat(each) for each in zip(counts, banks(self.smaller), strict=True))
        bank = Mux(moves, self.i.payload.bank, item.bank)
        m.d.sync += [
            same.eq(Cat(geometry == of_bank for of_bank in geometries)),
            holds.eq(same.bit_select(bank, 1) & settled[0]),
            settled.eq(Cat(1, settled)),
        ]
        change = valid & fresh & ~same.bit_select(item.bank, 1) & empty
        with m.If(change):
            m.d.sync += [geometry.eq(Mux(item.bank, *reversed(geometries))), settled.eq(0)]

        fixed = self.columns if self.vary == "rows" else self.rows
        last, lead = (
            Signal(range(self.rows * self.columns)),
            Signal(range(self.rows * self.columns)),
        )
        end, other, most = count * fixed - 1, fixed, fixed - 4
        if self.less:
            # What is missing of count · fixed is known with the geometry: no adder follows another.
            bits = self.less.bit_length()
            missing = [
                delay(m, Mux(each_small, (each_count << bits) - each_count, 0), 1)
                for each_count, each_small in zip(counts, banks(self.smaller), strict=True)
            ]
            misses = Signal.like(missing[0])
            with m.If(change):
                m.d.sync += misses.eq(Mux(item.bank, *reversed(missing)))
            end = count * fixed + ~misses  # which is count · fixed - misses - 1
            other, most = (Mux(small, n - self.less, n) for n in (other, most))
        m.d.sync += [
            last.eq(end),
            # The same product, but for the lead of count · fixed.
            lead.eq(last - (count + most)),
        ]
        return last, lead, (other if self.vary == "rows" else count), ~settled[1]

    def _stride(self, name, last):
        """Register of the distance from an address to the next, and of what *last* is over that."""
        size = range(self.rows * self.columns)
        layout = data.StructLayout({"step": size, "over": size})
        init = {"step": 1, "over": 0 if self.vary else last - 1}
        return Signal(layout, name=f"{name}_stride", init=init)

    @staticmethod
    def _walk(m, name, advance, first, stride, last):
        """Walk through the addresses of matrices; return the address and "it is the last".

        An address is a step further than the one before, modulo the *last* one, which ends the
        matrix. The first one is 0, and *first* is high there.
        """
        address, end, nearly = (
            Signal.like(stride.step, name=f"{name}_address"),
            Signal(name=f"{name}_end"),
            Signal(name=f"{name}_nearly"),
        )
        # Two ahead: the item after this one is the last but one.
        index = Signal.like(stride.step, name=f"{name}_index", init=2)
        straight, wrapped = address + stride.step, Signal(signed(len(address) + 1))
        m.d.comb += wrapped.eq(address - stride.over)
        with m.If(advance):
            # A step from the last but one is the last address itself, which is not wrapped to 0.
            m.d.sync += [
                address.eq(Mux(wrapped[-1] | nearly, straight, wrapped)),
                index.eq(index + 1),
                nearly.eq(index == last),
                end.eq(nearly),
                first.eq(end),
            ]
        # Apart, for synthesis to make it the reset of the flip-flops.
        with m.If(advance & end):
            m.d.sync += [address.eq(0), index.eq(2)]
        return address, end
