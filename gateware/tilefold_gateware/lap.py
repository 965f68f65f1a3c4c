"""Lap: counts items whose number is a setting of the bank that they run on."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

FIRST = 2
"""Number of the first item of a lap, in strides: what a length is compared with is one ahead."""


class Lap(wiring.Component):
    """Count items, and tell the last of each lap.

    The next lap may begin in the next cycle, on the other bank: whether an item would be the last
    is found out for both banks in the cycle before, so that ``last`` is one multiplexer away from
    registers. A length must stand two cycles before the lap that it is for.

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
        Bank of the item that comes next, or passes. The same for all items of a lap.
    last : Out(1)
        It is the last of its lap.
    place : Out
        Its number in the lap, from ``FIRST``, times the stride.
    """

    def __init__(self, most: int, stride: int = 1):
        self.stride = stride
        super().__init__(
            {
                "lengths": In(data.ArrayLayout(range(most + 1), 2)),
                "step": In(1),
                "bank": In(1),
                "last": Out(1),
                "place": Out(range(most + FIRST * stride), init=FIRST * stride),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # The next item would be the last; it is the first.
        ends, fresh = Signal(2), Signal(init=1)
        m.d.comb += self.last.eq(Mux(self.bank, ends[1], ends[0]))
        with m.If(self.step):
            m.d.sync += [
                fresh.eq(self.last),
                self.place.eq(Mux(self.last, FIRST * self.stride, self.place + self.stride)),
            ]
        for bank, length in enumerate(self.lengths):
            with m.If(self.step & ~self.last):
                reached = self.place >= length if self.stride > 1 else self.place == length
                m.d.sync += ends[bank].eq(reached)
            with m.Elif(self.step | fresh):
                m.d.sync += ends[bank].eq(length <= self.stride)
        return m
