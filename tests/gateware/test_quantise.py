from functools import cache

import numpy as np
import pytest
from helpers.bench import STALLS, Bench
from helpers.lanes import joined, parted
from helpers.stimuli import fill, framing

from tilefold.model.quantise import dequantise, quantise
from tilefold_gateware.quantise import Dequantiser, Quantiser
from tilefold_hw import latency
from tilefold_hw.config import CodecConfig

CONFIG = CodecConfig(tile=4, channels=5, tables=3)


def config_of(sample_width, **fields):
    fields = {"tile": 4, "channels": 4, "tables": 4, "word_width": 64, **fields}
    return CodecConfig(sample_width=sample_width, **fields)


@cache
def quantiser(config):
    return Bench(Quantiser(config))


def random_tables(config, count, seed=0):
    rng = np.random.default_rng(seed)
    shape = (count, config.pixels)
    widths = rng.integers(0, config.field.width + 1, shape)
    return np.stack([widths, rng.integers(0, config.shift_max + 1, shape)], axis=1)


def edge_coefficients(q, shifts, widths, rng):
    """Coefficients at and around the ends that each entry rounds and saturates to."""
    high = np.where(widths == 0, 0, (1 << widths >> 1) - 1)
    half, zero = 1 << shifts >> 1, 0 * high
    near = [high, ~high, high + 1, ~high - 1, zero, ~zero]
    off = [zero, half, half - 1, -half, ~half]
    chosen = (np.choose(rng.integers(0, 6, len(high)), near) << shifts) + np.choose(
        rng.integers(0, 5, len(high)), off
    )
    return np.clip(chosen, q.min, q.max)


def check(bench, tables, index, channels, coefficients, **how):
    """Compare with the model; *coefficients* are ``[group, channel, place]``, a bank a group."""
    config, dut = bench.dut.config, bench.dut
    lanes = config.lanes
    entries = tables[np.array(index)[:channels]]
    items = {
        "data": joined(coefficients.ravel(), lanes, config.coefficient.width),
        **framing(coefficients.size // lanes, coefficients[0].size // lanes),
    }
    load = [w for bank in range(2) for w in fill(config, dut, tables, index, bank)]
    counts = [0]

    async def count(ctx, run):
        while len(run.received) < len(items["last"]):
            counts[0] += (await ctx.tick().sample(dut.saturated))[-1]

    run = bench.run(
        items,
        inputs={"channels": channels},
        load=load,
        watch=["tile", *(["saturated"] if lanes == 1 else [])],
        beside=count if lanes > 1 else None,
        **how,
    )
    fields, saturated = quantise(coefficients, entries[:, 0], entries[:, 1])
    bits = config.field.width
    np.testing.assert_array_equal(parted(run.data, lanes, bits, signed=True), fields.ravel())
    np.testing.assert_array_equal(
        parted(run["width"], lanes, bits.bit_length(), signed=False),
        np.broadcast_to(entries[:, 0], fields.shape).ravel(),
    )
    np.testing.assert_array_equal(run["last"], items["last"])
    np.testing.assert_array_equal(run["bank"], items["bank"])
    assert (counts[0] if lanes > 1 else len(run.events["saturated"])) == saturated
    assert len(run.events["tile"]) == coefficients.size // config.pixels
    return run


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
def test_matches_the_model(stall):
    rng = np.random.default_rng(0)
    q = CONFIG.coefficient
    tables = random_tables(CONFIG, 3)
    coefficients = rng.integers(q.min, q.max + 1, (2, 4, 16))
    check(quantiser(CONFIG), tables, [2, 0, 1, 1, 2], 4, coefficients, stall=stall)


@pytest.mark.parametrize(("lanes", "sample_width"), [(2, 16), (4, 4), (8, 8)])
@pytest.mark.parametrize("stall", ["flowing", "both", "blocked"])
def test_lanes_match_the_model(lanes, sample_width, stall):
    config = config_of(sample_width, tile=8, lanes=lanes, channels=5, tables=3, word_width=256)
    rng = np.random.default_rng(0)
    tables = random_tables(config, 3)
    index = [2, 0, 1, 1, 2]
    edges = [
        edge_coefficients(config.coefficient, tables[n][1], tables[n][0], rng)
        for n in index[:4] * 2
    ]
    coefficients = np.reshape(edges, (2, 4, 64))
    run = check(quantiser(config), tables, index, 4, coefficients, stall=STALLS[stall])
    if stall == "flowing":
        assert run.latency == latency.quantise(config)
        np.testing.assert_array_equal(np.diff(run.sent), 1)
        np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize("sample_width", [4, 8, 9, 12, 16])
def test_rounds_half_up_and_saturates_with_every_width_and_shift(sample_width):
    config = config_of(sample_width, tile=16)
    bench = quantiser(config)
    rng = np.random.default_rng(0)
    widths, shifts = np.divmod(
        np.arange(4 * 256) % ((config.field.width + 1) * (config.shift_max + 1)),
        config.shift_max + 1,
    )
    tables = np.stack([widths.reshape(4, 256), shifts.reshape(4, 256)], axis=1)
    index = [0, 1, 2, 3]
    edges = np.stack([edge_coefficients(config.coefficient, s, w, rng) for w, s in tables])
    check(bench, tables, index, 4, edges[None])


def test_every_coefficient_of_a_small_format_with_every_entry():
    # Field by field: 4-bit samples have coefficients of 6 bits in tiles of 4.
    config = config_of(4)
    q = config.coefficient
    pairs = [(w, s) for w in range(q.width + 1) for s in range(q.width)]
    for start in range(0, len(pairs), 16):
        some = (pairs[start : start + 16] * 16)[:16]
        table = np.array(some).T[None]
        values = np.arange(q.min, q.max + 1)
        check(quantiser(config), table, [0], 1, np.repeat(values, 16).reshape(-1, 1, 16))


def test_latency_and_rate():
    for config in (CONFIG, config_of(4, word_width=16), config_of(16)):
        tables = random_tables(config, 3)
        run = check(quantiser(config), tables, [0], 1, np.zeros((4, 1, 16), int))
        assert run.latency == latency.quantise(config)
        np.testing.assert_array_equal(np.diff(run.sent), 1)
        np.testing.assert_array_equal(np.diff(run.received), 1)


def test_each_bank_has_its_own_tables():
    rng = np.random.default_rng(0)
    q = CONFIG.coefficient
    banks = [random_tables(CONFIG, 3, seed) for seed in range(2)]
    coefficients = rng.integers(q.min, q.max + 1, (4, 2, 16))
    bench = quantiser(CONFIG)
    items = {"data": coefficients.ravel(), **framing(coefficients.size, 32)}
    index = [[0, 1], [2, 0]]
    load = [w for b in range(2) for w in fill(CONFIG, bench.dut, banks[b], index[b], b)]
    run = bench.run(items, inputs={"channels": 2}, load=load)
    expected = [
        quantise(group, *banks[k % 2][index[k % 2]].swapaxes(0, 1))[0]
        for k, group in enumerate(coefficients)
    ]
    np.testing.assert_array_equal(run.data, np.ravel(expected))


@pytest.mark.parametrize("spoil", [5, 16, 40])
def test_a_reset_starts_at_the_first_coefficient(spoil):
    bench = Bench(Quantiser(CONFIG), resettable=True)
    q = CONFIG.coefficient
    coefficients = np.random.default_rng(0).integers(q.min, q.max + 1, (2, 2, 16))
    tables = random_tables(CONFIG, 3)
    config, dut = CONFIG, bench.dut
    items = {"data": coefficients.ravel(), **framing(coefficients.size, 64)}
    run = bench.run(
        items, inputs={"channels": 2}, load=fill(config, dut, tables, [2, 1]), spoil=spoil
    )
    # Everything in bank 0.
    np.testing.assert_array_equal(
        run.data, quantise(coefficients, *tables[[2, 1]].swapaxes(0, 1))[0].ravel()
    )


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
def test_dequantiser_matches_the_model(stall):
    check_dequantiser(CONFIG, 60, stall=stall)


@pytest.mark.parametrize("sample_width", [4, 8, 9, 12, 16])
@pytest.mark.parametrize("tile", [4, 8])
def test_dequantiser_saturates_with_every_shift(sample_width, tile):
    config = config_of(sample_width, tile=tile)
    check_dequantiser(config, 20 * (config.shift_max + 1))


def test_dequantiser_latency_and_rate():
    for config in (CONFIG, config_of(16), config_of(8, tile=8, lanes=8, word_width=128)):
        run = check_dequantiser(config, 320)
        assert run.latency == latency.dequantise(config)
        np.testing.assert_array_equal(np.diff(run.sent), 1)
        np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize(("lanes", "sample_width"), [(2, 16), (4, 8), (8, 4)])
def test_dequantiser_lanes_match_the_model(lanes, sample_width):
    config = config_of(sample_width, tile=8, lanes=lanes, word_width=256)
    for stall in ("both", "late"):
        check_dequantiser(config, lanes * 200, stall=STALLS[stall])


def check_dequantiser(config, count, **how):
    rng = np.random.default_rng(0)
    shifts = np.arange(count) % (config.shift_max + 1)
    q = config.field
    ends = rng.choice([q.min, q.max, -1, 0, 1], count)
    bound = config.coefficient.max >> shifts
    near = np.clip(rng.choice([-1, 1], count) * bound + rng.integers(-2, 3, count), q.min, q.max)
    values = np.choose(
        rng.integers(0, 3, count), [ends, near, rng.integers(q.min, q.max + 1, count)]
    )
    lanes, bits = config.lanes, config.shift_max.bit_length()
    items = {
        "data": joined(values, lanes, q.width),
        "shift": joined(shifts, lanes, bits),
        **framing(count // lanes, 7),
    }
    run = Bench(Dequantiser(config)).run(items, **how)
    restored = parted(run.data, lanes, config.coefficient.width, signed=True)
    np.testing.assert_array_equal(restored, dequantise(values, shifts, config))
    np.testing.assert_array_equal(run["last"], items["last"])
    np.testing.assert_array_equal(run["bank"], items["bank"])
    return run
