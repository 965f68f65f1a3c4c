"""The end of a pipeline that never stalls: a queue with room for all that is in flight.

Pipelines here have no clock enable: what enters comes out a fixed number of cycles later, and an
item enters only if the queue at the end has a place for it. So back-pressure never reaches the
arithmetic: it stops at ``ready``. Nothing can overflow, and after a stall the queue holds as much
as the pipeline takes to fill again: a stall costs its own cycles and no more.
"""

from amaranth.hdl import Cat, Module, Mux, ShapeLike, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, flipped

from .ram import Ram
from .ring import Ring, step


class _Queue(wiring.Component):
    def __init__(
        self,
        shape: ShapeLike,
        places: int,
        *,
        late: ShapeLike | None = None,
        **ports: wiring.Member,
    ):
        self.shape = shape
        self.places = places
        self.late_shape = late
        super().__init__(
            {
                "ready": Out(1),
                "push": In(1),
                "payload": In(shape),
                "o": Out(stream.Signature(shape)),
                **({} if late is None else {"late": In(late), "o_late": Out(late)}),
                **ports,
            }
        )

    def _queue(self, m, *, bypass=False):
        m.submodules.ring = ring = Ring(
            self.shape, self.places, bypass=bypass, late=self.late_shape
        )
        m.d.comb += [ring.payload.eq(self.payload), ring.push.eq(self.push)]
        if self.late_shape is not None:
            m.d.comb += [ring.late.eq(self.late), self.o_late.eq(ring.o_late)]
        wiring.connect(m, ring.o, flipped(self.o))
        return ring


class Outlet(_Queue):
    """Queue at the end of a pipeline that makes one item of each.

    An item takes a place when it enters, and gives it back when it moves on to ``o``.

    Latency :data:`tilefold_hw.latency.OUTLET` from ``push`` to ``o``; one item a cycle.

    Parameters
    ----------
    shape : ShapeLike
        Payload.
    latency : int
        Cycles from ``take`` to ``push`` of an item. More, while items wait to be complete, is fine.
        Up to 12 the queue is one level of lookup-table memory.
    late : ShapeLike or None
        As in :class:`~tilefold_gateware.ring.Ring`.

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
    late, o_late
        As in :class:`~tilefold_gateware.ring.Ring`.
    """

    # Cycles that a place is taken beside those in the pipeline: one in the queue, one until its
    # return shows, one until ``ready`` follows.
    ROUND = 3

    def __init__(self, shape: ShapeLike, latency: int, *, late: ShapeLike | None = None):
        super().__init__(shape, latency + self.ROUND, late=late, take=In(1))

    def elaborate(self, platform):
        m = Module()
        ring = self._queue(m)
        # Two places in a row, after the one that is taken next: an item may be taken while
        # ``ready`` is found out. As a shift register counts, they have all bits but one in common.
        beyond = Signal(len(ring.read) + 1, init=0b10)
        second, first = beyond[:-1], beyond[1:]
        with m.If(self.take):
            m.d.sync += beyond.eq(Cat(step(second), second[-1]))
        m.d.sync += self.ready.eq((first != ring.read) & (second != ring.read))
        return m


class Batch(_Queue):
    """Queue at the end of a pipeline whose items enter some at a time, and leave one a cycle.

    Latency :data:`tilefold_hw.latency.BATCH` from ``push`` to ``o``; one item a cycle.

    Parameters
    ----------
    shape : ShapeLike
        Payload.
    latency : int
        Cycles from ``take`` to the ``push`` of the first of a batch.
    size : int
        Items of a batch, which come at most every *size* cycles.

    Members
    -------
    ready : Out(1)
        There are places for one more batch.
    take : In(1)
        A batch enters the pipeline in this cycle. Only with ``ready``.
    push, payload, o
        As in :class:`Outlet`.
    """

    # Cycles that a place is taken beside those in the pipeline: two in the queue, two until its
    # return is counted, one until ``ready`` follows. It follows what is taken in three.
    _ROUND, _SEEN = 5, 3

    def __init__(self, shape: ShapeLike, latency: int, size: int):
        self.size = size
        #: Batches that may be taken between one that is and the ``ready`` that follows it.
        self.unseen = (self._SEEN - 1) // size
        places = latency + size - 1 + self.unseen * size + self._ROUND
        super().__init__(shape, places, take=In(1))

    def elaborate(self, platform):
        m = Module()
        ring = self._queue(m, bypass=True)
        level, taken, returned = Signal(range(ring.places + 1)), Signal(), Signal()
        change = Mux(taken, Mux(returned, self.size - 1, self.size), Mux(returned, -1, 0))
        m.d.sync += [
            taken.eq(self.take),
            returned.eq(ring.reads),
            level.eq(level + change),
            self.ready.eq(level <= ring.places - self.size * (1 + self.unseen)),
        ]
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

    # Cycles from a push until ``ready`` follows; cycles from a place that is free to the transfer
    # of what was let in for it, without those in the pipeline.
    _SEEN, _ROUND = 2, 3

    def __init__(self, shape: ShapeLike, flight: int):
        self.flight = flight
        # Some of it takes what is in flight, the rest lasts until what is let in again comes.
        super().__init__(shape, 2 * flight + self._SEEN + self._ROUND)

    def elaborate(self, platform):
        m = Module()
        ring = self._queue(m)
        level = Signal(range(ring.places + 1))
        m.d.sync += [
            level.eq(level + self.push - ring.reads),
            self.ready.eq(level <= ring.places - self.flight - self._SEEN),
        ]
        return m


class Reserve(_Queue):
    """Queue at the end of a pipeline that knows early how many items it will make.

    Places are taken as items are announced, so little more must be kept free than what enters
    before its announcement.

    Latency :data:`tilefold_hw.latency.OUTLET` from ``push`` to ``o``; one item a cycle.

    Parameters
    ----------
    shape : ShapeLike
        Payload.
    flight : int
        Most items that are announced after the last cycle in which something entered.
    places : int
        Least number of items that find room, the announced ones counted.

    Members
    -------
    ready : Out(1)
        There is room for all that may still be announced, if something enters in this cycle.
    coming : In(1)
        Announce an item. Once for each push, and before.
    push, payload, o
        As in :class:`Outlet`.
    """

    def __init__(self, shape: ShapeLike, flight: int, places: int):
        self.flight = flight
        super().__init__(shape, places, coming=In(1))

    def elaborate(self, platform):
        m = Module()
        ring = self._queue(m)
        level, now = Signal(range(ring.places + 1)), Signal(range(ring.places + 1))
        m.d.comb += now.eq(level + self.coming - ring.reads)
        m.d.sync += [level.eq(now), self.ready.eq(now < ring.places - self.flight)]
        return m


class Sluice(wiring.Component):
    """Queue at the end of a pipeline that is entered in bursts of as many items as it makes.

    Once a burst is let in, all of its items may enter: places are taken one by one. The queue is a
    block memory, with room for far more than may be inside.

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

    # Bits of a pointer.
    _POINTER = 7

    def __init__(self, shape: ShapeLike, latency: int, burst: int):
        self.burst = burst
        # While a burst waits for its places, the rest lasts until its first item comes.
        self.places = burst + latency + 5
        if self.places > (most := (1 << self._POINTER) - 1):
            raise ValueError(f"burst and latency must be at most {most - 5}, not {burst + latency}")
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
            m.d.sync += produced.eq(step(produced))
        with m.If(moves):
            m.d.sync += [found.eq(some), self.o.valid.eq(found)]
            with m.If(some):
                m.d.sync += consumed.eq(step(consumed))

        # Places beyond those of a burst and one more item: the sign tells.
        spare = Signal(
            signed((self.places - 1).bit_length() + 1), init=self.places - self.burst - 1
        )
        m.d.comb += self.ready.eq(~spare[-1])
        m.d.sync += spare.eq(spare - self.take + (self.o.valid & self.o.ready))
        return m
