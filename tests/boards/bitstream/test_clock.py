import pytest
from amaranth.hdl import Fragment
from amaranth.lib import io
from amaranth.sim import Simulator

from tilefold_boards.bitstream.clock import Clock


class Oscillator:
    """A platform with nothing but an oscillator."""

    default_clk = "clk"

    def __init__(self):
        self.port = io.SimulationPort("i", 1)

    def request(self, name, dir):
        assert (name, dir) == ("clk", "-")
        return self.port


@pytest.mark.parametrize("hz", [12_000_000, 60_000_000])
def test_the_reset_ends_15_us_after_the_clock_is_stable(hz):
    platform, clock = Oscillator(), Clock(hz, None)

    async def bench(ctx):
        cycles = 0
        while ctx.get(clock.rst):
            for level in (0, 1):
                ctx.set(platform.port.i, level)
                await ctx.delay(0.5 / hz)
                assert ctx.get(clock.clk) == level
            cycles += 1
        seconds = cycles / hz
        assert 15e-6 <= seconds <= 15.5e-6

    sim = Simulator(Fragment.get(clock, platform))
    sim.add_testbench(bench)
    sim.run()
