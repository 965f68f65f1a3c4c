import numpy as np
import pytest
from helpers.bench import STALLS, Bench

from tilefold_gateware.frame import Framer
from tilefold_hw.config import CodecConfig

CONFIG = CodecConfig(tile=4, channels=5, tables=1)


def run(count, stall="flowing", *, open=1, **how):
    inputs = {"open": open, "channels": 3, "groups": 2}
    return Bench(Framer(CONFIG, 8)).run(
        np.arange(count) % 256, inputs=inputs, stall=STALLS[stall], watch=["begin"], **how
    )


@pytest.mark.parametrize("stall", STALLS)
def test_marks_the_last_sample_of_every_packet(stall):
    frames = run(16 * 3 * 2 * 3, stall)
    np.testing.assert_array_equal(frames.data, np.arange(288) % 256)
    np.testing.assert_array_equal(np.flatnonzero(frames["last"]), [95, 191, 287])
    assert len(frames.events["begin"]) == 3


def test_latency_is_nothing_and_a_sample_passes_every_cycle():
    frames = run(288)
    assert frames.received == frames.sent
    np.testing.assert_array_equal(np.diff(frames.sent), 1)
    assert frames.events["begin"] == [frames.sent[place] for place in (0, 96, 192)]


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("groups", [1, 3])
def test_counts_any_channels_and_groups(channels, groups):
    inputs = {"open": 1, "channels": channels, "groups": groups}
    size = 16 * channels * groups
    frames = Bench(Framer(CONFIG, 8)).run([0] * 2 * size, inputs=inputs)
    np.testing.assert_array_equal(np.flatnonzero(frames["last"]), [size - 1, 2 * size - 1])


def test_a_packet_has_the_pixels_of_its_tiles():
    async def alternate(ctx, run):
        bank = 0
        ctx.set(bench.dut.next_bank, bank)
        for _ in range(1500):
            *_, begins = await ctx.tick().sample(bench.dut.begin)
            if begins:
                bank ^= 1
                ctx.set(bench.dut.next_bank, bank)
            ctx.set(bench.dut.seven, ctx.get(bench.dut.bank))

    bench = Bench(Framer(CodecConfig(channels=5, tables=1, sevens=True), 8))
    inputs = {"open": 1, "channels": 2, "groups": 1}
    sizes = np.array([128, 98, 128, 98])
    frames = bench.run([0] * sizes.sum(), inputs=inputs, stall=STALLS["both"], beside=alternate)
    np.testing.assert_array_equal(np.flatnonzero(frames["last"]), np.cumsum(sizes) - 1)
    np.testing.assert_array_equal(frames["bank"], np.repeat([0, 1, 0, 1], sizes))


def test_works_with_one_channel_built_in():
    config = CodecConfig(tile=4, channels=1, tables=1)
    frames = Bench(Framer(config, 8)).run([0] * 32, inputs={"open": 1, "channels": 1, "groups": 1})
    np.testing.assert_array_equal(np.flatnonzero(frames["last"]), [15, 31])


def test_takes_nothing_before_a_packet_may_begin():
    async def configure(ctx, _):
        await ctx.tick().repeat(50)
        ctx.set(bench.dut.open, 1)

    bench = Bench(Framer(CONFIG, 8))
    frames = bench.run(range(96), inputs={"channels": 3, "groups": 2}, beside=configure)
    assert frames.sent[0] == frames.received[0] == 50
    np.testing.assert_array_equal(frames.data, range(96))


def test_the_bank_changes_between_packets_only():
    async def toggle(ctx, _):
        rng = np.random.default_rng(0)
        for _ in range(500):
            ctx.set(bench.dut.next_bank, int(rng.integers(2)))
            await ctx.tick()

    bench = Bench(Framer(CONFIG, 8))
    inputs = {"open": 1, "channels": 1, "groups": 1}
    frames = bench.run(range(128), inputs=inputs, stall=STALLS["both"], beside=toggle)
    banks = frames["bank"].reshape(8, 16)
    np.testing.assert_array_equal(banks, banks[:, :1].repeat(16, 1))
    assert set(banks[:, 0]) == {0, 1}


def test_an_offered_sample_keeps_its_bank_however_long_it_waits():
    async def toggle(ctx, _):
        for cycle in range(40):
            ctx.set(bench.dut.next_bank, cycle // 10 % 2)
            await ctx.tick()

    bench = Bench(Framer(CONFIG, 8))
    inputs = {"open": 1, "channels": 1, "groups": 1}
    frames = bench.run(
        range(32),
        inputs=inputs,
        stall=(0, lambda cycle: cycle < 12),
        beside=toggle,
        watch=["begin"],
    )
    # Offered in cycle 4, on bank 0; the bank of new packets changes in cycle 10.
    assert frames.events["begin"] == [4, 29]
    np.testing.assert_array_equal(frames["bank"], [0] * 32)


def test_a_reset_forgets_the_packet_it_cuts():
    bench = Bench(Framer(CONFIG, 8), resettable=True)
    inputs = {"open": 1, "channels": 3, "groups": 2}
    frames = bench.run([0] * 96, inputs=inputs, spoil=50)
    np.testing.assert_array_equal(np.flatnonzero(frames["last"]), [95])
