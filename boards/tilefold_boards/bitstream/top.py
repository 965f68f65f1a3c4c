"""The top of every board: a component between its clock and its serial pins."""

from amaranth.hdl import ClockDomain, Elaboratable, Module
from amaranth.lib import io

from .clock import Clock


class Top(Elaboratable):
    """A component with ``rx`` and ``tx``, on a board with an oscillator and a UART.

    Parameters
    ----------
    component : wiring.Component
        With members ``rx`` and ``tx``, in the domain ``sync``. It synchronises ``rx`` by itself.
    clock : Clock
        The clock of ``sync``.
    """

    def __init__(self, component, clock: Clock):
        self.component = component
        self.clock = clock

    def elaborate(self, platform):
        m = Module()

        m.domains.sync = sync = ClockDomain()
        m.submodules.clock = self.clock
        m.d.comb += [sync.clk.eq(self.clock.clk), sync.rst.eq(self.clock.rst)]

        m.submodules.component = self.component
        # A board names its pins as the FPGA sees them: `rx` is what it receives.
        uart = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer("i", uart.rx)
        m.submodules.tx = tx = io.Buffer("o", uart.tx)
        m.d.comb += [
            self.component.rx.eq(rx.i),
            tx.o.eq(self.component.tx),
        ]

        return m
