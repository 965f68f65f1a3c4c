"""Laps: counting items whose number is a setting of the bank that they run on.

The next lap may begin in the next cycle, on the other bank, and be one item long. So whether an
item is the last of its lap is found out before it comes, and a length must stand two cycles before
the lap that it is for.
"""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .streams import banked, banks

FIRST = 3
"""Number of the first item of a lap, in strides: what a length is compared with is two ahead."""


class _Lap(wiring.Component):
    def __init__(self, most: int, stride: int = 1, **ports: wiring.Member):
        self.stride = stride
        # Not reset: a lap that begins sets it.
        self._place = Signal(
            range(most + FIRST * stride), init=FIRST * stride, name="place", reset_less=True
        )
        super().__init__(
            {
                "lengths": In(banked(range(most + 1))),
                "step": In(1),
                "bank": In(1),
                "last": Out(1),
                "place": Out(self._place.shape()),
                **ports,
            }
        )

    def _reached(self, m):
        """For each bank, whether the item after the next is the last of its lap."""
        zeros = (self.stride & -self.stride).bit_length() - 1
        place, reached = self._place[zeros:], []
        for bank, length in enumerate(banks(self.lengths)):
            if zeros:
                # What is compared need have no bits that are always 0.
                least = Signal(1 + len(length[zeros:]), name=f"least_{bank}")
                m.d.sync += least.eq(length[zeros:] + length[:zeros].any())
                length = least
            exact = self.stride == 1 << zeros
            reached.append(place == length if exact else place >= length)
        return Cat(reached)

    def _within(self, length, items):
        """Whether a lap of *length*, at least 1, is *items* long at most, without a carry chain."""
        most, beyond = items * self.stride, Const(0, 1)
        for place, bit in enumerate(length):
            beyond = bit & beyond if most >> place & 1 else bit | beyond
        return ~beyond | (most >> len(length) > 0)


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
    lengths : In(banked(range(most + 1)))
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
        # For either bank: laps of one item and of two; the item after the next is the last.
        single, double, reached = Signal(2), Signal(2), Signal(2, reset_less=True)
        last = Signal(reset_less=True)
        m.d.comb += [self.place.eq(self._place), self.last.eq(last), self.will_last.eq(last)]
        will_reach = self._reached(m)
        with m.If(self.begin):
            m.d.comb += self.will_last.eq(single.bit_select(self.next_bank, 1))
            m.d.sync += [self._place.eq(FIRST * self.stride), reached.eq(double)]
        with m.Elif(self.step):
            m.d.comb += self.will_last.eq(reached.bit_select(self.bank, 1))
            m.d.sync += self._place.eq(self._place + self.stride)
            m.d.sync += reached.eq(will_reach)
        m.d.sync += [
            single.eq(Cat(self._within(length, 1) for length in banks(self.lengths))),
            double.eq(Cat(self._within(length, 2) for length in banks(self.lengths))),
            last.eq(self.will_last),
        ]
        return m


class OpenLap(_Lap):
    """Count the items of laps, each of which says what bank it is on.

    Parameters
    ----------
    most : int
        Longest length.

    Members
    -------
    lengths : In(banked(range(most + 1)))
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
        # For either bank: the next item is the last; the item after it is. The next is the first.
        ends, reached, fresh = Signal(2), Signal(2), Signal(init=1)
        m.d.comb += [self.place.eq(self._place), self.last.eq(ends.bit_select(self.bank, 1))]
        will_reach = self._reached(m)
        with m.If(self.step):
            m.d.sync += fresh.eq(self.last)
        with m.If(self.step & ~self.last):
            m.d.sync += [
                ends.eq(reached),
                reached.eq(will_reach),
                self._place.eq(self._place + 1),
            ]
        with m.Elif(self.step | fresh):
            m.d.sync += [
                ends.eq(Cat(self._within(length, 1) for length in banks(self.lengths))),
                reached.eq(Cat(self._within(length, 2) for length in banks(self.lengths))),
                self._place.eq(FIRST),
            ]
        return m
