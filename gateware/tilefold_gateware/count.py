"""Counters of events that share one adder."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .pipeline import delay


class Counters(wiring.Component):
    """Count several kinds of events, each on a counter of its own, modulo ``2**width``.

    The counters go round in a ring, one step a cycle, past a single adder. What happens to one
    between two of its passes is kept until the next: a counter tells an event as many cycles after
    it as there are kinds, rounded up to a power of two, and one more, at most.

    Parameters
    ----------
    kinds : int
    most : int
        Most events of a kind in a cycle.
    width : int

    Members
    -------
    events : In(range(most + 1)) each, ``events_0``, ``events_1`` ...
        So many happen in this cycle.
    clear : In(1)
        Start again from the events of the cycle before.
    number : In
    count : Out(width)
        Counter of the number of the cycle before.
    """

    def __init__(self, kinds: int, most: int, width: int):
        self.kinds = kinds
        self.most = most
        self.width = width
        super().__init__(
            {
                **{f"events_{kind}": In(range(most + 1)) for kind in range(kinds)},
                "clear": In(1),
                "number": In((kinds - 1).bit_length()),
                "count": Out(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        places = 1 << (self.kinds - 1).bit_length()
        ring = Array(Signal(self.width, name=f"count_{place}") for place in range(places))
        recent = Array(
            Signal(range(places * self.most + 1), name=f"recent_{kind}")
            for kind in range(self.kinds)
        )
        # The kind whose counter is at the head of the ring.
        turn = Signal(range(places))
        m.d.sync += turn.eq(turn + 1)
        for kind, gathered in enumerate(recent):
            events = delay(m, getattr(self, f"events_{kind}"), 1)
            m.d.sync += gathered.eq(Mux((turn == kind) | self.clear, 0, gathered) + events)
        for place, count in enumerate(ring):
            m.d.sync += ring[place - 1].eq(count + recent[turn] if place == 0 else count)
        with m.If(self.clear):
            m.d.sync += [count.eq(0) for count in ring]
        m.d.sync += self.count.eq(ring[(self.number - turn)[: len(turn)]])
        with m.If(self.clear):
            m.d.sync += self.count.eq(0)
        return m
