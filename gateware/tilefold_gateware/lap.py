"""Laps: counting items whose number is a setting of the bank that they run on.

The next lap may begin in the next cycle, on the other bank, and be one item long. So whether an
item is the last of its lap is found out before it comes, and a length must stand two cycles before
the lap that it is for.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

FIRST = 2
"""Number of the first item of a lap, in strides: what a length is compared with is one ahead."""


class _Lap(wiring.Component):
    def __init__(self, most: int, stride: int = 1, **ports: wiring.Member):
        self.stride = stride
        super().__init__(
            {
                "lengths": In(data.ArrayLayout(range(most + 1), 2)),
                "step": In(1),
                "bank": In(1),
                "last": Out(1),
                "place": Out(range(most + FIRST * stride), init=FIRST * stride),
                **ports,
            }
        )

    def _reached(self, length):
        """Whether the item after this one is the last of a lap of *length*."""
        return self.place >= length if self.stride > 1 else self.place == length


class Lap(_Lap):
    """Count the items of laps whose bank is told a cycle ahead.

    Parameters
    ----------
    most : int
        Longest length.
    stride : int
        What an item counts for.

    Members
    -------
    lengths : In(array of two)
        Length of a lap, for each bank: its last item is the one that reaches it.
    step : In(1)
        An item passes in this cycle.
    bank : In(1)
        Its bank.
    begin : In(1)
        A lap begins in the next cycle.
    next_bank : In(1)
        Its bank.
    last : Out(1)
        The item that passes, or comes next, is the last of its lap.
    will_last : Out(1)
        What ``last`` will be in the next cycle.
    place : Out
        Number of the item in its lap, from ``FIRST``, times the stride.
    """

    def __init__(self, most: int, stride: int = 1):
        super().__init__(most, stride, begin=In(1), next_bank=In(1), will_last=Out(1))

    def elaborate(self, platform):
        m = Module()
        single, reached = Signal(2), Signal(2)
        for bank, length in enumerate(self.lengths):
            m.d.sync += single[bank].eq(length <= self.stride)
            m.d.comb += reached[bank].eq(self._reached(length))
        m.d.comb += self.will_last.eq(self.last)
        with m.If(self.begin):
            m.d.comb += self.will_last.eq(single.bit_select(self.next_bank, 1))
            m.d.sync += self.place.eq(FIRST * self.stride)
        with m.Elif(self.step):
            m.d.comb += self.will_last.eq(reached.bit_select(self.bank, 1))
            m.d.sync += self.place.eq(self.place + self.stride)
        m.d.sync += self.last.eq(self.will_last)
        return m


class OpenLap(_Lap):
    """Count the items of laps, each of which says what bank it is on.

    Parameters
    ----------
    most : int
        Longest length.

    Members
    -------
    lengths : In(array of two)
        Length of a lap, for each bank.
    step : In(1)
        An item passes in this cycle.
    bank : In(1)
        Its bank, the same for all items of a lap.
    last : Out(1)
        An item of that bank would be the last of its lap.
    place : Out
        Number of the item in its lap, from ``FIRST``.
    """

    def elaborate(self, platform):
        m = Module()
        # The next item would be the last; it is the first.
        ends, fresh = Signal(2), Signal(init=1)
        m.d.comb += self.last.eq(Mux(self.bank, ends[1], ends[0]))
        with m.If(self.step):
            m.d.sync += fresh.eq(self.last)
            m.d.sync += self.place.eq(Mux(self.last, FIRST, self.place + 1))
        for bank, length in enumerate(self.lengths):
            with m.If(self.step & ~self.last):
                m.d.sync += ends[bank].eq(self._reached(length))
            with m.Elif(self.step | fresh):
                m.d.sync += ends[bank].eq(length <= 1)
        return m
