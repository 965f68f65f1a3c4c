from functools import cache

import numpy as np
import pytest
from helpers.bench import STALLS, Bench
from helpers.stimuli import framing, reaching_tiles

from tilefold_gateware.passes import GatherPass, ScatterPass
from tilefold_hw import latency
from tilefold_hw.fixed import SQ
from tilefold_hw.transform import SIZES, transform

BOXES = {"forward": GatherPass, "inverse": ScatterPass}
LATENCIES = {"forward": latency.gather, "inverse": latency.scatter}
ORDER = {"forward": "rows columns", "inverse": "columns rows"}


@cache
def box(direction, number, n, sample_width=8, multiplier_width=18):
    """First or second pass of a direction."""
    formats = transform(n, SQ(sample_width), multiplier_width)
    name = ORDER[direction].split()[number]
    return Bench(BOXES[direction](getattr(formats, f"{direction}_{name}")))


def apply(step, vectors):
    """Multiply by the matrix, exactly, and round once, half up."""
    return vectors @ np.array(step.matrix).T + (1 << step.shift >> 1) >> step.shift


def reaching_vectors(direction, number, n, sample_width, multiplier_width, places):
    """Vectors that bring the sums of a pass to their ends; of the second one, those there are."""
    formats = transform(n, SQ(sample_width), multiplier_width)
    first = getattr(formats, f"{direction}_{ORDER[direction].split()[0]}")
    if number == 0:
        signs = np.sign(first.matrix)
        return np.concatenate(
            [
                np.where(signs > 0, first.i.max, first.i.min),
                np.where(signs > 0, first.i.min, first.i.max),
            ]
        )
    tiles = reaching_tiles(first.matrix, first.i, places).reshape(2, -1, n, n)
    middle = apply(first, tiles)
    # In place (u, v), the vector that comes from the sums of row u.
    return np.concatenate(
        [middle[side, place, :, u] for side in range(2) for place, (u, _) in enumerate(places)]
    ).reshape(-1, n)


def random_vectors(step, count, seed=0):
    # A quarter of the range: what is behind the first pass is never all at its ends.
    rng = np.random.default_rng(seed)
    return rng.integers(step.i.min // 4, step.i.max // 4 + 1, (count, len(step.matrix)))


def check(bench, vectors, packet=None, **how):
    packet = packet or vectors.shape[-1]
    items = {"data": vectors.ravel(), **framing(vectors.size, packet)}
    run = bench.run(items, **how)
    np.testing.assert_array_equal(run.data, apply(bench.dut.step, vectors).ravel())
    np.testing.assert_array_equal(run["last"], items["last"])
    np.testing.assert_array_equal(run["bank"], items["bank"])
    return run


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("direction", BOXES)
@pytest.mark.parametrize("n", [7, 8])
def test_matches_the_exact_sums(direction, n, stall):
    bench = box(direction, 0, n)
    check(bench, random_vectors(bench.dut.step, 16), packet=2 * n, stall=stall)


@pytest.mark.parametrize("direction", BOXES)
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("n", SIZES)
def test_no_input_of_any_size_overflows_it(direction, number, n):
    places = [(u, v) for u in (0, 1, n // 2, n - 1) for v in (0, 1, n // 2, n - 1)]
    check(box(direction, number, n), reaching_vectors(direction, number, n, 8, 18, places))


@pytest.mark.parametrize("direction", BOXES)
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("sample_width", [4, 9, 12, 16])
@pytest.mark.parametrize("multiplier_width", [16, 18])
def test_no_sample_of_any_width_overflows_it(direction, number, sample_width, multiplier_width):
    widths = (sample_width, multiplier_width)
    places = [(0, 0), (0, 4), (4, 0), (1, 1), (7, 7)]
    vectors = reaching_vectors(direction, number, 8, *widths, places)
    bench = box(direction, number, 8, *widths)
    check(bench, np.concatenate([vectors, random_vectors(bench.dut.step, 4)]))


@pytest.mark.parametrize("direction", BOXES)
def test_rounds_half_up(direction):
    # Vectors whose sums lie on a half, above zero and below.
    bench = box(direction, 0, 8)
    step = bench.dut.step
    rng = np.random.default_rng(0)
    vectors = rng.integers(step.i.min, step.i.max + 1, (400_000, 8))
    sums = vectors @ np.array(step.matrix).T
    halves = ((sums & ((1 << step.shift) - 1)) == 1 << step.shift - 1).any(1)
    assert halves.sum() > 20
    check(bench, vectors[halves][:40])


@pytest.mark.parametrize("direction", BOXES)
@pytest.mark.parametrize("n", SIZES)
def test_latency_and_rate(direction, n):
    bench = box(direction, 0, n)
    run = check(bench, random_vectors(bench.dut.step, 8))
    assert run.latency == LATENCIES[direction](n)
    np.testing.assert_array_equal(np.diff(run.sent), 1)
    np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize("direction", BOXES)
@pytest.mark.parametrize("side", [0, 1])
def test_a_stall_costs_its_own_cycles_and_no_more(direction, side):
    bench = box(direction, 0, 8)
    vectors = random_vectors(bench.dut.step, 20)
    flowing = check(bench, vectors)
    for cycles in (1, 9, 50):
        stall = [0, 0]
        stall[side] = lambda cycle, cycles=cycles: 60 <= cycle < 60 + cycles
        run = check(bench, vectors, stall=tuple(stall))
        assert run.received[-1] - flowing.received[-1] <= cycles


@pytest.mark.parametrize("direction", BOXES)
@pytest.mark.parametrize("spoil", [3, 8, 21])
def test_a_reset_forgets_the_vector_it_cuts(direction, spoil):
    step = box(direction, 0, 8).dut.step
    check(Bench(BOXES[direction](step), resettable=True), random_vectors(step, 4), spoil=spoil)
