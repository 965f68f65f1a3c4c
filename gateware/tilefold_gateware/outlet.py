"""The end of a pipeline that never stalls: a queue with room for all that is in flight.

Pipelines here have no clock enable: what enters comes out a fixed number of cycles later, and an
item enters only if the queue at the end has a place for it. So back-pressure never reaches the
arithmetic: it stops at ``ready``. Nothing can overflow, and after a stall the queue holds as much
as the pipeline takes to fill again: a stall costs its own cycles and no more.
"""

from amaranth.hdl import Module, Mux, ShapeLike, Signal, Value
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

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
        """Queue between ``push`` and ``o``; it has no need to know when it is full."""
        # The register of the port that reads holds the item that is offered.
        size = 1 << (self.depth - 2).bit_length()
        m.submodules.store = store = memory.Memory(
            shape=len(Value.cast(self.payload)), depth=size, init=[]
        )
        w_port, r_port = store.write_port(), store.read_port()
        # A bit more than an address: full and empty differ.
        w_place, r_place = Signal(range(2 * size)), Signal(range(2 * size))
        load = Signal()
        m.d.comb += [
            w_port.addr.eq(w_place),
            w_port.data.eq(self.payload),
            w_port.en.eq(self.push),
            load.eq((w_place != r_place) & (~self.o.valid | self.o.ready)),
            r_port.addr.eq(r_place),
            r_port.en.eq(load),
            Value.cast(self.o.payload).eq(r_port.data),
        ]
        m.d.sync += [
            w_place.eq(w_place + self.push),
            r_place.eq(r_place + load),
            self.o.valid.eq(load | (self.o.valid & ~self.o.ready)),
        ]


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
    batch : int
        Items that enter at a time, to leave one a cycle.

    Members
    -------
    ready : Out(1)
        There is a place for one more batch.
    take : In(1)
        A batch enters the pipeline in this cycle. Only with ``ready``.
    push : In(1)
        ``payload`` leaves the pipeline in this cycle.
    payload : In(shape)
    o : Out(stream of shape)
    """

    def __init__(self, shape: ShapeLike, latency: int, *, batch: int = 1):
        self.batch = batch
        super().__init__(shape, latency + _QUEUE + _RETURN + batch - 1, take=In(1))

    def elaborate(self, platform):
        m = Module()
        self._queue(m)
        free = Signal(range(self.depth + 1), init=self.depth)
        taken = Mux(self.take, self.batch, 0)
        m.d.comb += self.ready.eq(free >= self.batch)
        m.d.sync += free.eq(free - taken + (self.o.valid & self.o.ready))
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
        self._queue(m)
        level = Signal(range(self.depth + 1))
        m.d.sync += [
            level.eq(level + self.push - (self.o.valid & self.o.ready)),
            # A cycle passes between a level and the ``ready`` that follows from it.
            self.ready.eq(level < self.depth - self.flight - _RETURN),
        ]
        return m
