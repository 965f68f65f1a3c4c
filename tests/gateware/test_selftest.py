import numpy as np
import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator
from helpers.bench import pauses
from helpers.lanes import joined

from tilefold.model.selftest import pattern, signature
from tilefold_gateware.selftest import Pattern, Signer, Stopwatch
from tilefold_hw.config import CodecConfig

CONFIGS = [
    CodecConfig(),
    CodecConfig(sample_width=12, sample_signed=True),
    CodecConfig(lanes=8, word_width=256),
    CodecConfig(sample_width=16, word_width=128, lanes=4),
]


def simulate(dut, bench):
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


async def restart(ctx, dut):
    ctx.set(dut.restart, 1)
    await ctx.tick()
    ctx.set(dut.restart, 0)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_the_pattern_is_that_of_the_model(config):
    async def bench(ctx):
        rng = np.random.default_rng(0)
        for count, stall in ((40, 0), (7, 0.5), (0, 0), (40, 0.5)):
            expected = joined(pattern(config, count).ravel(), config.lanes, config.sample.width)
            assert not ctx.get(dut.o.valid)
            ctx.set(dut.items, count)
            await restart(ctx, dut)
            found = []
            for pause in pauses(stall, rng):
                assert ctx.get(dut.left) == count - len(found)
                assert ctx.get(dut.o.valid) == (len(found) < count)
                if len(found) == count:
                    break
                ctx.set(dut.o.ready, not pause)
                if not pause:
                    found.append(ctx.get(Value.cast(dut.o.payload)))
                await ctx.tick()
            assert found == expected.tolist()

    dut = Pattern(config)
    simulate(dut, bench)


def test_the_pattern_begins_anew_in_the_middle():
    async def bench(ctx):
        ctx.set(dut.o.ready, 1)
        for count in (5, 9):
            ctx.set(dut.items, 20)
            await restart(ctx, dut)
            for sample in pattern(dut.config, count)[:, 0].tolist():
                assert ctx.get(dut.o.payload) == sample
                await ctx.tick()

    dut = Pattern(CodecConfig())
    simulate(dut, bench)


@pytest.mark.parametrize("width", [8, 9, 16, 32, 40, 72, 128])
def test_a_signature_is_that_of_the_model(width):
    async def bench(ctx):
        rng = np.random.default_rng(0)
        size = -(-width // 8)
        for count in (0, 1, 50):
            rows = rng.integers(0, 256, (count, size), dtype=np.uint8)
            if count:
                rows[:, -1] &= (1 << (width - 1) % 8 + 1) - 1
            await restart(ctx, dut)
            for row in rows:
                # What is shown in between does not count.
                for step, value in ((0, 1), (1, int.from_bytes(row.tobytes(), "little"))):
                    ctx.set(dut.step, step)
                    ctx.set(dut.data, value)
                    await ctx.tick()
            ctx.set(dut.step, 0)
            assert ctx.get(dut.value) == signature(rows)

    dut = Signer(width)
    simulate(dut, bench)


def test_the_stopwatch_tells_cycles_from_the_first_start_to_the_last_stop():
    async def bench(ctx):
        for starts, stops, expected in (([3, 4, 9], [7, 30], 27), ([0], [12], 12), ([2], [], 0)):
            await restart(ctx, dut)
            for cycle in range(50):
                ctx.set(dut.start, cycle in starts)
                ctx.set(dut.stop, cycle in stops)
                await ctx.tick()
            assert ctx.get(dut.cycles) == expected

    dut = Stopwatch()
    simulate(dut, bench)
