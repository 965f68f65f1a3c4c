import numpy as np
import pytest
from amaranth.sim import Simulator

from tilefold_gateware.window import Window
from tilefold_hw.link import COUNTED

SIZE = 16


def simulate(bench, size=SIZE):
    dut = Window(size)

    async def wrapped(ctx):
        await bench(ctx, dut)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(wrapped)
    simulator.run()


async def put(ctx, dut, count, start=0):
    """Offer bytes for so many cycles; return how many were taken."""
    ctx.set(dut.i.valid, 1)
    taken = 0
    for _ in range(count):
        ctx.set(dut.i.payload, (start + taken) % 251)
        taken += ctx.get(dut.i.ready)
        await ctx.tick()
    ctx.set(dut.i.valid, 0)
    return taken


async def ask(ctx, dut, offset, release):
    """Ask if both are sound; release if they are."""
    ctx.set(dut.port.offset, offset % COUNTED)
    ctx.set(dut.port.release, release % COUNTED)
    await ctx.tick()
    sound = ctx.get(dut.port.sound)
    ctx.set(dut.port.apply, sound)
    await ctx.tick()
    ctx.set(dut.port.apply, 0)
    return sound


async def get(ctx, dut, offset, count):
    """Read so many bytes."""
    ctx.set(dut.port.more, 1)
    ctx.set(dut.port.data.ready, 1)
    found = []
    while len(found) < count:
        ctx.set(dut.port.offset, offset % COUNTED)
        offset += ctx.get(dut.port.step)
        if ctx.get(dut.port.data.valid):
            found.append(ctx.get(dut.port.data.payload))
        await ctx.tick()
    ctx.set(dut.port.more, 0)
    ctx.set(dut.port.data.ready, 0)
    ctx.set(dut.port.flush, 1)
    await ctx.tick()
    ctx.set(dut.port.flush, 0)
    return found


def test_keeps_what_is_not_released_and_waits_when_it_is_full():
    async def bench(ctx, dut):
        assert await put(ctx, dut, 40) == SIZE
        assert ctx.get(dut.port.produced) == SIZE
        for _ in range(2):
            assert await get(ctx, dut, 0, SIZE) == list(range(SIZE))
        assert await get(ctx, dut, 5, 3) == [5, 6, 7]
        assert await ask(ctx, dut, 10, 5)
        assert await put(ctx, dut, 40, SIZE) == 5
        assert await get(ctx, dut, 5, SIZE) == list(range(5, 5 + SIZE))

    simulate(bench)


@pytest.mark.parametrize("size", [16, 8192])
def test_tells_what_is_sound_wherever_the_counts_are(size):
    async def bench(ctx, dut):
        rng = np.random.default_rng(0)
        released = produced = 0
        for _ in range(60):
            produced += await put(ctx, dut, int(rng.integers(size // 8 + 8)), produced)
            assert ctx.get(dut.port.produced) == produced % COUNTED
            places = [released, released - 1, produced, produced + 1, released + size, 0]
            places += rng.integers(COUNTED, size=3).tolist()
            places += rng.integers(released, produced + 1, size=3).tolist()
            for offset in rng.permutation(places):
                release = int(rng.choice(places))
                free, start, kept = (
                    (int(at) - released) % COUNTED for at in (release, offset, produced)
                )
                sound = free <= start <= kept
                assert await ask(ctx, dut, int(offset), release) == sound
                if sound:
                    released += free
        assert produced > released > 0

    simulate(bench, size)


def test_counts_go_around():
    async def bench(ctx, dut):
        count = 0
        while count < COUNTED + 100:
            assert await put(ctx, dut, 4096, count) == 4096
            assert await get(ctx, dut, count + 4090, 6) == [
                (count + place) % 251 for place in range(4090, 4096)
            ]
            count += 4096
            assert await ask(ctx, dut, count, count)

    simulate(bench, 8192)
