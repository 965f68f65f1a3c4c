from functools import cache

import numpy as np
import pytest
from helpers.bench import STALLS, Bench
from helpers.stimuli import framing, impulses, plain_tiles, reaching_tiles

from tilefold.model.dct import dct, idct
from tilefold_gateware.dct import Dct, Idct
from tilefold_hw import latency
from tilefold_hw.fixed import SQ
from tilefold_hw.transform import SIZES, transform

BOXES = {"dct": Dct, "idct": Idct}
MODELS = {"dct": dct, "idct": idct}
LATENCIES = {"dct": latency.dct, "idct": latency.idct}


@cache
def box(name, n, sample_width=8, multiplier_width=18):
    return Bench(BOXES[name](transform(n, SQ(sample_width), multiplier_width)))


def formats(name, bench):
    """Format of what comes in, and the matrix of its direction."""
    t = bench.dut.transform
    step = t.forward_rows if name == "dct" else t.inverse_columns
    return step.i, step.matrix


def check(name, bench, tiles, **how):
    n = bench.dut.transform.n
    items = {"data": tiles.ravel(), **framing(tiles.size, 2 * n * n)}
    run = bench.run(items, **how)
    np.testing.assert_array_equal(run.data, MODELS[name](tiles, bench.dut.transform).ravel())
    np.testing.assert_array_equal(run["last"], items["last"])
    np.testing.assert_array_equal(run["bank"], items["bank"])
    return run


def random_tiles(q, n, count, seed=0):
    return np.random.default_rng(seed).integers(q.min, q.max + 1, (count, n * n))


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize(
    ("n", "stall"),
    [(4, stall) for stall in STALLS] + [(7, "both"), (8, "late"), (8, "bursts"), (16, "bursts")],
)
def test_matches_the_model(name, n, stall):
    bench = box(name, n)
    q, _ = formats(name, bench)
    check(name, bench, random_tiles(q, n, 8 if n == 4 else 4), stall=STALLS[stall])


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize("n", SIZES)
def test_no_tile_overflows_it(name, n):
    bench = box(name, n)
    q, matrix = formats(name, bench)
    ends = (0, 1, n - 1) if n < 16 else (0,)
    places = [(u, v) for u in ends for v in ends] + [(n // 2, n // 2)]
    check(name, bench, np.concatenate([plain_tiles(n, q), reaching_tiles(matrix, q, places)]))


@pytest.mark.slow
@pytest.mark.parametrize("name", BOXES)
def test_no_tile_reaches_further_than_the_formats(name):
    bench = box(name, 8)
    q, matrix = formats(name, bench)
    check(name, bench, reaching_tiles(matrix, q))


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize("sample_width", [4, 9, 12, 16])
@pytest.mark.parametrize("multiplier_width", [16, 18])
def test_matches_the_model_for_samples_of_any_width(name, sample_width, multiplier_width):
    bench = box(name, 8, sample_width, multiplier_width)
    q, matrix = formats(name, bench)
    tiles = [plain_tiles(8, q)[::5], reaching_tiles(matrix, q, [(0, 4)]), random_tiles(q, 8, 1)]
    check(name, bench, np.concatenate(tiles))


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize("n", [4, 8])
def test_an_impulse_at_any_place_gives_its_own_wave(name, n):
    bench = box(name, n)
    q, _ = formats(name, bench)
    check(name, bench, impulses(n, q.min))


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize("n", SIZES)
def test_latency_and_rate(name, n):
    bench = box(name, n)
    q, _ = formats(name, bench)
    run = check(name, bench, random_tiles(q, n, 2 if n == 16 else 4))
    assert run.latency == LATENCIES[name](bench.dut.transform)
    np.testing.assert_array_equal(np.diff(run.sent), 1)
    np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize("side", [0, 1])
def test_a_stall_costs_its_own_cycles_and_no_more(name, side):
    bench = box(name, 4)
    q, _ = formats(name, bench)
    tiles = random_tiles(q, 4, 16)
    flowing = check(name, bench, tiles)
    for cycles in (1, 20, 100):
        stall = [0, 0]
        stall[side] = lambda cycle, cycles=cycles: 100 <= cycle < 100 + cycles
        run = check(name, bench, tiles, stall=tuple(stall))
        assert run.received[-1] - flowing.received[-1] <= cycles


@pytest.mark.parametrize("name", BOXES)
def test_a_reset_forgets_the_tile_it_cuts(name):
    bench = Bench(BOXES[name](transform(4, SQ(8), 18)), resettable=True)
    q, _ = formats(name, bench)
    for spoil in (5, 16, 39):
        check(name, bench, random_tiles(q, 4, 2), spoil=spoil)
