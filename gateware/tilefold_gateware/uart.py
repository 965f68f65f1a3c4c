"""UART: bytes on two wires, 8 bits with one start and one stop bit, the least bit first."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

_BITS = 8
_CYCLES_LEAST = 4  # of a bit


def _require(divisor: int) -> None:
    if divisor < _CYCLES_LEAST:
        raise ValueError(f"divisor must be at least {_CYCLES_LEAST}, not {divisor}")


class UartReceiver(wiring.Component):
    """Bytes from a wire.

    Every bit is looked at in its middle, counted from the edge that a start bit begins with; so a
    sender may be off by 2 %, and from 16 cycles a bit on by 4 %. A start bit that is over in its
    middle was none. A byte that has no stop bit is not told; it is ``broken``, and so is a line
    that stays low, once: the next start bit is awaited after the line was high.

    Parameters
    ----------
    divisor : int
        Cycles of a bit, at least 4.

    Members
    -------
    rx : In(1)
        The wire, of any clock.
    o : Out(stream of 8 bits)
        To be taken within the cycles of a bit; else the byte is lost.
    broken : Out(1)
        A byte was lost in this cycle: it had no stop bit.
    """

    def __init__(self, divisor: int):
        _require(divisor)
        self.divisor = divisor
        super().__init__({"rx": In(1, init=1), "o": Out(stream.Signature(_BITS)), "broken": Out(1)})

    def elaborate(self, platform):
        m = Module()
        rx = Signal(init=1)
        m.submodules.synchroniser = FFSynchronizer(self.rx, rx, init=1)

        timer, left = Signal(range(self.divisor)), Signal(range(_BITS))
        middle = timer == 0
        m.d.sync += timer.eq(timer - 1)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += timer.eq(self.divisor // 2 - 1)
                with m.If(~rx):
                    m.next = "START"
            with m.State("START"):
                m.d.sync += left.eq(_BITS - 1)
                with m.If(middle):
                    m.d.sync += timer.eq(self.divisor - 1)
                    m.next = "DATA"
                    with m.If(rx):
                        m.next = "IDLE"
            with m.State("DATA"):
                with m.If(middle):
                    m.d.sync += [
                        timer.eq(self.divisor - 1),
                        left.eq(left - 1),
                        self.o.payload.eq(Cat(self.o.payload[1:], rx)),
                    ]
                    with m.If(left == 0):
                        m.next = "STOP"
            with m.State("STOP"):
                with m.If(middle):
                    m.d.sync += self.o.valid.eq(rx)
                    m.d.comb += self.broken.eq(~rx)
                    m.next = "IDLE"
                    with m.If(~rx):
                        m.next = "LOW"
            with m.State("LOW"):
                with m.If(rx):
                    m.next = "IDLE"
        return m


class UartTransmitter(wiring.Component):
    """Bytes to a wire, one after the other without a gap while some wait.

    Parameters
    ----------
    divisor : int
        Cycles of a bit, at least 4.

    Members
    -------
    i : In(stream of 8 bits)
    tx : Out(1)
        The wire, out of a register; high when nothing is sent.
    """

    def __init__(self, divisor: int):
        _require(divisor)
        self.divisor = divisor
        super().__init__({"i": In(stream.Signature(_BITS)), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        timer, left = Signal(range(self.divisor)), Signal(range(_BITS + 2))
        bits = Signal(_BITS + 1, init=-1)  # the one on the wire, and those that follow
        ends = timer == 0
        m.d.comb += [self.i.ready.eq(ends & (left == 0)), self.tx.eq(bits[0])]
        with m.If(~ends):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(left != 0):
            m.d.sync += [
                timer.eq(self.divisor - 1),
                left.eq(left - 1),
                bits.eq(Cat(bits[1:], Const(1, 1))),
            ]
        with m.Elif(self.i.valid):
            m.d.sync += [
                timer.eq(self.divisor - 1),
                left.eq(_BITS + 1),
                bits.eq(Cat(Const(0, 1), self.i.payload)),
            ]
        return m
