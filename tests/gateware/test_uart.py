# amaranth: UnusedElaboratable=no

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.sim import Simulator
from helpers.bench import Bench

from tilefold_gateware.uart import UartReceiver, UartTransmitter


class Wire(wiring.Component):
    """A transmitter and a receiver, with a wire between them."""

    def __init__(self, divisor):
        self.divisor = divisor
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.transmitter = transmitter = UartTransmitter(self.divisor)
        m.submodules.receiver = receiver = UartReceiver(self.divisor)
        connect(m, flipped(self.i), transmitter.i)
        connect(m, receiver.o, flipped(self.o))
        m.d.comb += receiver.rx.eq(transmitter.tx)
        return m


def bits(byte):
    return [0, *(byte >> n & 1 for n in range(8)), 1]


def receive(divisor, levels):
    """Bytes that come of the *levels* of a wire, cycle by cycle; ``None`` for one that broke."""

    async def bench(ctx):
        ctx.set(dut.o.ready, 1)
        for level in [*levels, *[levels[-1]] * 2 * divisor]:
            ctx.set(dut.rx, level)
            await ctx.tick()
            if ctx.get(dut.o.valid):
                found.append(ctx.get(dut.o.payload))
            if ctx.get(dut.broken):
                found.append(None)

    found = []
    dut = UartReceiver(divisor)
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


def drawn(text, cycles, before=0):
    """Levels of *text* at any number of cycles a bit, with the line high before and after."""
    row = [level for byte in text for level in bits(byte)]
    count = round(len(row) * cycles)
    levels = [row[min(int(cycle / cycles), len(row) - 1)] for cycle in range(count)]
    return [1] * before + levels


@pytest.mark.parametrize("divisor", [4, 5, 8, 16, 21])
def test_bytes_come_through(divisor):
    text = [0, 255, 0x55, 0xAA, 1, 128, *range(30)]
    run = Bench(Wire(divisor)).run(text, deadline=12 * divisor * len(text))
    assert run.data.tolist() == text


@pytest.mark.parametrize("divisor", [4, 8])
def test_the_transmitter_leaves_no_gap(divisor):
    run = Bench(Wire(divisor)).run(range(20), deadline=5000)
    np.testing.assert_array_equal(np.diff(run.sent), 10 * divisor)
    np.testing.assert_array_equal(np.diff(run.received), 10 * divisor)


def test_the_line_rests_high():
    async def bench(ctx):
        for _ in range(40):
            assert ctx.get(dut.tx)
            await ctx.tick()

    dut = UartTransmitter(4)
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize(
    ("divisor", "off"),
    [(d, off) for d in (4, 8, 16) for off in (0.98, 1, 1.02)] + [(16, 0.96), (16, 1.04)],
)
def test_a_sender_may_be_off(divisor, off):
    text = [0, 255, 0x55, 0xAA, 1, 128]
    for before in range(3):
        assert receive(divisor, drawn(text, divisor * off, before)) == text


def test_a_start_that_is_over_in_its_middle_was_none():
    assert receive(8, [1, 1, 0, 0, 0, 1, 1, 1, *drawn([7], 8)]) == [7]


def test_a_byte_without_a_stop_bit_is_told_as_broken():
    levels = drawn([0x55], 8)[:-8] + [0] * 8 + [1] * 8 + drawn([7], 8)
    assert receive(8, levels) == [None, 7]


def test_a_line_that_stays_low_is_told_once():
    assert receive(8, [1, *[0] * 500, *[1] * 4, *drawn([7], 8)]) == [None, 7]
    assert receive(8, [0] * 500) == [None]


def test_a_byte_waits_for_a_bit():
    async def bench(ctx):
        for level in drawn([0xA7], 8):
            ctx.set(dut.rx, level)
            await ctx.tick()
        for _ in range(6):
            assert ctx.get(dut.o.valid)
            assert ctx.get(dut.o.payload) == 0xA7
            ctx.set(dut.rx, 0)
            await ctx.tick()
        ctx.set(dut.o.ready, 1)
        await ctx.tick()
        assert not ctx.get(dut.o.valid)

    dut = UartReceiver(8)
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("kind", [UartReceiver, UartTransmitter])
def test_a_bit_has_cycles(kind):
    with pytest.raises(ValueError, match=r"^divisor must be at least 4, not 3$"):
        kind(3)
