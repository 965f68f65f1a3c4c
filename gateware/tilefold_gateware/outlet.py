"""The end of a pipeline that never stalls: a queue with room for all that is in flight.

Pipelines here have no clock enable: what enters comes out a fixed number of cycles later, and an
item enters only if the queue at the end has a place for it. So back-pressure never reaches the
arithmetic: it stops at ``ready``. Nothing can overflow, and after a stall the queue holds as much
as the pipeline takes to fill again: a stall costs its own cycles and no more.
"""

from amaranth.hdl import Cat, Module, ShapeLike, Signal, Value, signed
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from .ram import Ram

# Cycles from a push to the transfer at ``o``, and from there to the ``ready`` that it allows.
_QUEUE, _RETURN = 2, 1


class _Queue(wiring.Component):
    def __init__(self, shape: ShapeLike, depth: int, **ports: wiring.Member):
        self.depth = depth
        super().__init__(
            {
                "ready": Out(1),
                "push": In(1),
                "payload": In(shape),
                "o": Out(stream.Signature(shape)),
                **ports,
            }
        )

    def _queue(self, m):
        width = len(Value.cast(self.payload))
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(width=width, depth=self.depth)
        m.d.comb += [
            queue.w_data.eq(self.payload),
            queue.w_en.eq(self.push),
            Value.cast(self.o.payload).eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
        ]
        return queue


class Outlet(_Queue):
    """Queue at the end of a pipeline that makes one item of each.

    An item takes a place when it enters, and gives it back when it leaves at ``o``.

    Latency :data:`tilefold_hw.latency.OUTLET` from ``push`` to ``o``; one item a cycle.

    Parameters
    ----------
    shape : ShapeLike
        Payload.
    latency : int
        Cycles from ``take`` to ``push`` of an item. More, while items wait to be complete, is fine.

    Members
    -------
    ready : Out(1)
        There is a place for one more item.
    take : In(1)
        An item enters the pipeline in this cycle. Only with ``ready``.
    push : In(1)
        ``payload`` leaves the pipeline in this cycle.
    payload : In(shape)
    o : Out(stream of shape)
    """

    def __init__(self, shape: ShapeLike, latency: int):
        super().__init__(shape, latency + _QUEUE + _RETURN, take=In(1))

    def elaborate(self, platform):
        m = Module()
        self._queue(m)
        free = Signal(range(self.depth + 1), init=self.depth)
        m.d.comb += self.ready.eq(free != 0)
        m.d.sync += free.eq(free - self.take + (self.o.valid & self.o.ready))
        return m


class Basin(_Queue):
    """Queue at the end of a pipeline that makes more or fewer items than enter.

    Latency :data:`tilefold_hw.latency.OUTLET` from ``push`` to ``o``; one item a cycle.

    Parameters
    ----------
    shape : ShapeLike
        Payload.
    flight : int
        Most items that are pushed after the last cycle in which something entered.

    Members
    -------
    ready : Out(1)
        There is room for everything in flight and for what may enter in this cycle.
    push, payload, o
        As in :class:`Outlet`.
    """

    def __init__(self, shape: ShapeLike, flight: int):
        self.flight = flight
        # Half takes what is in flight, half lasts until the first item that is let in again comes.
        super().__init__(shape, 2 * (flight + _QUEUE) + _RETURN)

    def elaborate(self, platform):
        m = Module()
        queue = self._queue(m)
        # A cycle passes between a level and the ``ready`` that follows from it.
        m.d.sync += self.ready.eq(queue.level < self.depth - self.flight - _RETURN)
        return m


class Sluice(wiring.Component):
    """Queue at the end of a pipeline that is entered in bursts of as many items as it makes.

    Once a burst is let in, all of its items may enter: places are taken one by one. The queue is a
    block memory, with room for far more than may be inside, and pointers that need not count: they
    go through the states of a shift register.

    Latency :data:`tilefold_hw.latency.SLUICE` from ``push`` to ``o``; one item a cycle.

    Parameters
    ----------
    shape : ShapeLike
        Payload.
    latency : int
        Cycles from ``take`` to ``push`` of an item.
    burst : int
        Most items of a burst.

    Members
    -------
    ready : Out(1)
        There are places for a burst, and for an item that is taken in this cycle.
    take : In(1)
        An item enters the pipeline in this cycle.
    push, payload, o
        As in :class:`Outlet`.
    """

    # Bits of a pointer. It has all states but that of ones only.
    _POINTER = 7

    def __init__(self, shape: ShapeLike, latency: int, burst: int):
        self.burst = burst
        # While a burst waits for its places, the rest lasts until its first item comes.
        self.depth = burst + latency + 7
        if self.depth > (most := (1 << self._POINTER) - 1):
            raise ValueError(f"burst and latency must be at most {most - 7}, not {burst + latency}")
        super().__init__(
            {
                "ready": Out(1),
                "take": In(1),
                "push": In(1),
                "payload": In(shape),
                "o": Out(stream.Signature(shape)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = Ram(len(Value.cast(self.payload)), 1 << self._POINTER)
        produced, consumed = Signal(self._POINTER), Signal(self._POINTER)
        found, moves = Signal(), Signal()
        some = produced != consumed
        m.d.comb += [
            moves.eq(~self.o.valid | self.o.ready),
            queue.write.stb.eq(self.push),
            queue.write.address.eq(produced),
            queue.write.data.eq(self.payload),
            queue.address.eq(consumed),
            queue.enable.eq(moves),
            Value.cast(self.o.payload).eq(queue.data),
        ]
        with m.If(self.push):
            m.d.sync += produced.eq(_after(produced))
        with m.If(moves):
            m.d.sync += [found.eq(some), self.o.valid.eq(found)]
            with m.If(some):
                m.d.sync += consumed.eq(_after(consumed))

        # Places beyond those of a burst and one more item: the sign tells.
        spare = Signal(signed((self.depth - 1).bit_length() + 1), init=self.depth - self.burst - 1)
        m.d.comb += self.ready.eq(~spare[-1])
        m.d.sync += spare.eq(spare - self.take + (self.o.valid & self.o.ready))
        return m


def _after(pointer):
    """Pointer of the next place: x**7 + x**6 + 1 has all states in one cycle."""
    return Cat(~(pointer[-1] ^ pointer[-2]), pointer[:-1])
