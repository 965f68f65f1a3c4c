import numpy as np
import pytest
from amaranth.sim import Simulator

from tilefold_gateware.lap import FIRST, Lap, OpenLap


def simulate(dut, bench):
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


async def wait(ctx, cycles):
    for _ in range(cycles):
        await ctx.tick()


def pauses(rng, number):
    return rng.integers(0, 3, number) * (rng.random(number) < 0.3)


@pytest.mark.parametrize("lengths", [(1, 1), (1, 2), (2, 3), (3, 1), (11, 4), (16, 16)])
@pytest.mark.parametrize("stride", [1, 2, 3, 4, 6, 16, 64])
def test_tells_the_last_of_every_lap(stride, lengths):
    async def bench(ctx):
        rng = np.random.default_rng(0)
        for bank in range(2):
            ctx.set(dut.lengths[f"bank_{bank}"], lengths[bank])
        banks = rng.integers(0, 2, 40).tolist()
        ctx.set(dut.begin, 1)
        ctx.set(dut.next_bank, banks[0])
        await ctx.tick().repeat(3)
        for bank, next_bank in zip(banks, [*banks[1:], 0], strict=True):
            ctx.set(dut.bank, bank)
            items = -(-lengths[bank] // stride)
            for item, pause in enumerate(pauses(rng, items).tolist()):
                ctx.set(dut.step, 0)
                ctx.set(dut.begin, 0)
                await wait(ctx, pause)
                last = item == items - 1
                assert ctx.get(dut.last) == last
                assert ctx.get(dut.place) == (FIRST + item) * stride
                ctx.set(dut.step, 1)
                ctx.set(dut.begin, last)
                ctx.set(dut.next_bank, next_bank)
                will_last = ctx.get(dut.will_last)
                await ctx.tick()
                assert ctx.get(dut.last) == will_last

    dut = Lap(16, stride)
    simulate(dut, bench)


@pytest.mark.parametrize("lengths", [(1, 1), (1, 2), (2, 3), (3, 1), (11, 4), (16, 16)])
def test_tells_the_last_when_the_bank_comes_with_the_item(lengths):
    async def bench(ctx):
        rng = np.random.default_rng(0)
        for bank in range(2):
            ctx.set(dut.lengths[f"bank_{bank}"], lengths[bank])
        await ctx.tick().repeat(2)
        for bank in rng.integers(0, 2, 40).tolist():
            for item, pause in enumerate(pauses(rng, lengths[bank]).tolist()):
                ctx.set(dut.step, 0)
                ctx.set(dut.bank, int(rng.integers(0, 2)))
                await wait(ctx, pause)
                ctx.set(dut.bank, bank)
                assert ctx.get(dut.last) == (item == lengths[bank] - 1)
                assert ctx.get(dut.place) == FIRST + item
                ctx.set(dut.step, 1)
                await ctx.tick()

    dut = OpenLap(16)
    simulate(dut, bench)
