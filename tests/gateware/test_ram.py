# amaranth: UnusedElaboratable=no

import numpy as np
import pytest
from amaranth.sim import Simulator

from tilefold_gateware.ram import Ram


async def write(ctx, ram, address, value):
    ctx.set(ram.write.address, address)
    ctx.set(ram.write.data, value)
    ctx.set(ram.write.stb, 1)
    await ctx.tick()
    ctx.set(ram.write.stb, 0)


def simulate(ram, bench):
    simulator = Simulator(ram)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_halves_are_written_one_at_a_time():
    async def bench(ctx):
        for place in np.random.default_rng(0).permutation(len(halves)).tolist():
            await write(ctx, ram, place, halves[place])
        for address in range(ram.depth):
            ctx.set(ram.address, address)
            await ctx.tick().repeat(ram.LATENCY)
            assert ctx.get(ram.data) == halves[2 * address + 1] << 8 | halves[2 * address]

    halves = np.random.default_rng(1).integers(0, 256, 80).tolist()
    ram = Ram(16, 40, halves=True)
    simulate(ram, bench)


def test_without_enable_it_holds_what_it_has():
    async def bench(ctx):
        for address in range(ram.depth):
            await write(ctx, ram, address, address + 1)
        seen = []
        for cycle in range(40):
            ctx.set(ram.address, len(seen))
            ctx.set(ram.enable, enable := cycle % 3 != 1)
            if enable:
                seen.append(ctx.get(ram.data))
            await ctx.tick()
        assert seen[2:] == list(range(1, len(seen) - 1))

    ram = Ram(8, 40)
    simulate(ram, bench)


@pytest.mark.parametrize("width", [20, 15])
def test_rejects_halves_that_share_no_block(width):
    message = rf"^width of two halves must be even and at most 18, not {width}$"
    with pytest.raises(ValueError, match=message):
        Ram(width, 64, halves=True)
