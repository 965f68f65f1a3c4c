"""Vectors of eight points: how they enter a pass and leave it, a vector at a time.

Once a vector is whole, all of its transform follows without a pause, so the place for all of it is
taken at once, where its last item enters. Nothing in a pass ever waits but that item.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.fixed import SQ
from tilefold_hw.transform import Pass

from .arith import shape
from .multiplier import Multiplier
from .pipeline import delay
from .streams import each, inner, laned

POINTS = 8
"""Points of a vector."""

HALF = POINTS // 2
"""Sums, and differences, of its two halves."""

FRAMING = data.StructLayout({"last": 1, "bank": 1})
"""What travels beside the data: see :func:`~tilefold_gateware.streams.inner`."""


class VectorPass(wiring.Component):
    """One pass over vectors of eight, ``lanes`` items a cycle.

    Latency :attr:`latency` from ``take`` to the first ``push`` of a vector; the others follow in
    the cycles after. A vector every ``8 / lanes`` cycles.

    Parameters
    ----------
    step : Pass
        Matrix and formats.
    lanes : int
        Items a cycle: 1, 2, 4 or 8.
    lag : int
        Cycles by which ``data`` comes later than its transfer at ``i``.
    rounded : bool
        Round to the format of an output; else leave one bit more, and the rounding to who follows.

    Members
    -------
    i : In(stream of FRAMING)
        Transfers of items, *lanes* at a time.
    data : In(laned(step.i))
        The items themselves, ``lag`` cycles later.
    room : In(1)
        There is room for a whole vector.
    take : Out(1)
        A vector is whole in this cycle, and takes that room.
    took : Out(FRAMING)
        Framing of the vector that is taken: that of its last item.
    push : Out(1)
    payload : Out(inner(laned(out)))
        Items of the transform. ``last`` is on the last of a vector.
    """

    #: Cycles from the transfer of the last item (of its data, with a lag) to the first ``push``.
    depth: int

    def __init__(self, step: Pass, lanes: int = 1, lag: int = 0, *, rounded: bool = True):
        self.step = step
        self.rounded = rounded
        #: Format of what is pushed.
        self.out = step.o if rounded else SQ(step.o.i, step.o.f + 1)
        self.lanes = lanes
        self.lag = lag
        self.beats = POINTS // lanes
        super().__init__(
            {
                "i": In(stream.Signature(FRAMING)),
                "data": In(laned(shape(step.i), lanes)),
                "room": In(1),
                "take": Out(1),
                "took": Out(FRAMING),
                "push": Out(1),
                "payload": Out(inner(laned(shape(self.out), lanes))),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from ``take`` to the first ``push``."""
        return self.lag + self.depth

    def _enter(self, m: Module):
        """Let items in; return "an item's data is here", its place, and "it ends a vector"."""
        beat = Signal(range(self.beats))
        final = Signal(init=self.beats == 1)
        enter = self.i.valid & self.i.ready
        m.d.comb += [
            self.i.ready.eq(~final | self.room),
            self.take.eq(self.i.valid & final & self.room),
            self.took.eq(self.i.payload),
        ]
        if self.beats > 1:
            with m.If(enter):
                m.d.sync += [beat.eq(beat + 1), final.eq(beat == self.beats - 2)]
        return tuple(delay(m, flag, self.lag) for flag in (enter, beat, self.take))

    def _count(self, m: Module, start):
        """Count cycles from the one after *start* on; return the count, and that which follows.

        It rests at 0, so that what follows is known without *start*.
        """
        slot, following, runs = Signal(range(self.beats)), Signal(range(self.beats)), Signal()
        m.d.comb += following.eq(slot + runs)
        m.d.sync += [slot.eq(following), runs.eq(start | (runs & (slot != self.beats - 1)))]
        return slot, following

    def _leave(self, m: Module, totals):
        """Push the exact *totals* of the lanes, cut to what is pushed, with their framing."""
        framing = Signal(FRAMING)
        taken, took = (delay(m, flag, self.latency - 1) for flag in (self.take, self.took))
        left = Signal(range(self.beats))  # after this one
        with m.If(taken):
            m.d.sync += [framing.eq(took), left.eq(self.beats - 1)]
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        m.d.sync += self.push.eq(taken | (left != 0))
        m.d.comb += [
            self.payload.last.eq(framing.last & (left == 0)),
            self.payload.bank.eq(framing.bank),
        ]
        for out, total in zip(each(self.payload.data, self.lanes), totals, strict=True):
            m.d.comb += out.eq(total >> (self.step.shift - (not self.rounded)))


def multiply(m: Module, name: str, a, b, latency: int):
    """Product of *a*, and *b*, *latency* cycles later."""
    m.submodules[name] = multiplier = Multiplier(len(a), len(b))
    m.d.comb += [multiplier.a.eq(a), multiplier.b.eq(b)]
    return delay(m, multiplier.o, latency - multiplier.latency)
