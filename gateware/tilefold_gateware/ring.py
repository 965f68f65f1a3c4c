"""Ring: a small queue whose pointers count with one gate each."""

from amaranth.hdl import Cat, Module, Mux, ShapeLike, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .pipeline import delay
from .store import Store

# Besides its last bit, the bit of a shift register that makes its way round as long as can be.
_TAPS = {2: (1,), 3: (2,), 4: (3,), 5: (3,), 6: (5,), 7: (6,), 8: (6, 5, 4), 9: (5,), 10: (7,)}


def step(pointer: Value) -> Value:
    """Next place after *pointer*: all places in turn, in an order that needs no adder.

    A shift register with feedback runs through all its values but zero; zero is put in where the
    ones run out. At four bits that is one lookup table.
    """
    bits = len(pointer)
    again = pointer[-1] ^ ~pointer[:-1].any()
    for tap in _TAPS[bits]:
        again ^= pointer[tap - 1]
    return Cat(again, pointer[:-1])


def pointer_width(places: int) -> int:
    """Bits of the pointers of a ring with *places* places or a few more: one always stays free."""
    return max(2, places.bit_length())


class Ring(wiring.Component):
    """Queue in memory, of lookup tables where the device has that, with a register behind it.

    Latency 2 from ``push`` to ``o``, or 1 with a bypass; one item a cycle.

    Parameters
    ----------
    shape : ShapeLike
        Payload.
    places : int
        Least number of items that find room, besides the one at ``o``.
    bypass : bool
        Let an item that finds nobody in front of it pass in one cycle instead of two, at the price
        of a multiplexer at ``o``.
    late : ShapeLike or None
        What else an item carries. It comes a cycle after the item is offered at ``o``, and stays as
        long: a wide one then does not wait for who decides in a cycle that the item is taken.

    Members
    -------
    push : In(1)
        Put ``payload`` in. Not while it is ``full``: who knows that it can't be need not look.
    payload : In(shape)
    late : In(late)
    full : Out(1)
    o : Out(stream of shape)
    o_late : Out(late)
        ``late`` of the item that was at ``o`` in the cycle before.
    read : Out
        The place that is read next, counted by :func:`step`.
    reads : Out(1)
        An item moves from its place to ``o`` in this cycle: the place is free again.
    """

    def __init__(
        self,
        shape: ShapeLike,
        places: int,
        *,
        bypass: bool = False,
        late: ShapeLike | None = None,
    ):
        if bypass and late is not None:
            raise ValueError("late must be None where items may pass, not a shape")
        self.bypass = bypass
        self._bits = pointer_width(places)
        #: Items that find room, besides the one at ``o``.
        self.places = (1 << self._bits) - 1
        super().__init__(
            {
                "push": In(1),
                "payload": In(shape),
                "full": Out(1),
                "o": Out(stream.Signature(shape)),
                "read": Out(self._bits),
                "reads": Out(1),
                **({} if late is None else {"late": In(late), "o_late": Out(late)}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        width = len(Value.cast(self.payload))
        # A place is read only while an item waits there, and written only while it is free.
        m.submodules.store = store = Store(width, 1 << self._bits)
        write = Signal(self._bits)
        free, waits, direct, fetch = (Signal() for _ in range(4))
        # The place after ``read``, and whether an item waits, out of registers: both decide much.
        after = Signal.like(self.read, init=1)
        m.d.comb += [
            self.full.eq(step(write) == self.read),
            free.eq(self.o.ready | ~self.o.valid),
            fetch.eq(waits & free),
            self.reads.eq(fetch | direct),
            store.w_address.eq(write),
            store.address.eq(self.read),
            store.enable.eq(fetch),
            Value.cast(self.o.payload).eq(store.data),
        ]
        with m.If(store.w_enable):
            m.d.sync += write.eq(step(write))
        with m.If(fetch):
            m.d.sync += [self.read.eq(after), after.eq(step(after))]
        m.d.sync += waits.eq(store.w_enable | Mux(fetch, after != write, waits))
        with m.If(free):
            m.d.sync += self.o.valid.eq(self.reads)
        if hasattr(self, "late"):
            self._late(m, write, fetch)
        if not self.bypass:
            m.d.comb += [store.w_data.eq(self.payload), store.w_enable.eq(self.push)]
            return m

        # What can't pass directly goes to the memory out of a register: only that one has to be
        # near to where it is made.
        passed, payload = Signal(), Signal(width)
        m.d.comb += direct.eq(self.push & free & ~waits & ~store.w_enable)
        m.d.sync += [store.w_enable.eq(self.push & ~direct), store.w_data.eq(self.payload)]
        with m.If(free):
            m.d.sync += [passed.eq(direct), payload.eq(self.payload)]
        with m.If(passed):
            m.d.comb += Value.cast(self.o.payload).eq(payload)
        return m

    def _late(self, m, write, fetch):
        # A place that is read is written again two pushes later at the earliest.
        m.submodules.late_store = store = Store(len(Value.cast(self.late)), 1 << self._bits)
        m.d.comb += [
            store.w_address.eq(write),
            store.w_data.eq(self.late),
            store.w_enable.eq(self.push),
            store.address.eq(delay(m, self.read, 1)),
            store.enable.eq(delay(m, fetch, 1)),
            Value.cast(self.o_late).eq(store.data),
        ]
