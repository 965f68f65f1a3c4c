"""Tally: whether packets have the number of items that they must have."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Tally(wiring.Component):
    """Count the items of packets, and compare.

    Parameters
    ----------
    most : int
        Most items that a packet must have.

    Members
    -------
    step, last : In(1)
        An item passes; it is the last of its packet.
    expected : In(range(most + 1))
        Items of the packet whose item passes.
    mismatch : Out(1)
        A packet that ended two cycles ago did not have the number of items expected.
    """

    def __init__(self, most: int):
        super().__init__(
            {
                "step": In(1),
                "last": In(1),
                "expected": In(range(most + 1)),
                "mismatch": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        number = Signal.like(self.expected, init=1)
        ends, ended = self.step & self.last, Signal()
        with m.If(self.step):
            m.d.sync += number.eq(Mux(self.last, 1, number + 1))
        # Compared in two cycles: the number is wide.
        unlike = Signal(8)
        m.d.sync += [
            ended.eq(ends),
            unlike.eq(Cat((number ^ self.expected)[k::8].any() for k in range(8))),
            self.mismatch.eq(ended & unlike.any()),
        ]
        return m
