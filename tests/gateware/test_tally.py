import numpy as np
import pytest
from amaranth.sim import Simulator

from tilefold_gateware.tally import Tally


def tell(sizes, expected, most=1000, pause=0.3):
    """Cycles in which packets of *sizes* end, and in which a mismatch is told."""
    dut, ends, told = Tally(most), [], []

    async def bench(ctx):
        rng = np.random.default_rng(0)
        cycle = 0

        async def tick():
            nonlocal cycle
            await ctx.tick()
            cycle += 1
            if ctx.get(dut.mismatch):
                told.append(cycle)

        for size, wanted in zip(sizes, expected, strict=True):
            ctx.set(dut.expected, wanted)
            for item in range(size):
                while rng.random() < pause:
                    await tick()
                ctx.set(dut.step, 1)
                ctx.set(dut.last, item == size - 1)
                await tick()
                ctx.set(dut.step, 0)
            ends.append(cycle)
        for _ in range(3):
            await tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return ends, told


@pytest.mark.parametrize("pause", [0, 0.3])
@pytest.mark.parametrize("expected", [1, 2, 3, 4, 6, 7, 8, 1000])
def test_tells_a_packet_that_does_not_have_the_items_expected(expected, pause):
    sizes = [1, 7, 3, 7, 8, 6, 2, 1, 1]
    ends, told = tell(sizes, [expected] * len(sizes), pause=pause)
    assert told == [end + 1 for end, size in zip(ends, sizes, strict=True) if size != expected]


def test_compares_with_what_is_expected_of_each_packet():
    sizes = [3, 1, 1, 5, 2, 4]
    expected = [3, 2, 1, 5, 1, 4]
    ends, told = tell(sizes, expected, pause=0)
    assert told == [ends[1] + 1, ends[4] + 1]


@pytest.mark.parametrize("bit", range(10))
def test_every_bit_of_the_number_counts(bit):
    ends, told = tell([1], [1 ^ 1 << bit])
    assert told == [ends[0] + 1]
