"""A small component for boards, in place of a device."""

import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Echo(wiring.Component):
    """Says what it hears, eight cycles late; while a long count is even, inverted."""

    rx: In(1)
    tx: Out(1, init=1)

    def elaborate(self, platform):
        m = Module()
        heard, count = Signal(8, init=0xFF), Signal(20)
        m.d.sync += [
            heard.eq(Cat(self.rx, heard)),
            count.eq(count + 1),
            self.tx.eq(heard[-1] ^ ~count[-1]),
        ]
        return m


@pytest.fixture
def echo():
    """Makes one, of any configuration."""
    return lambda config: Echo()
