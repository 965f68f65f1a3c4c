from itertools import accumulate, repeat

import numpy as np
import pytest
from scipy.fft import dctn, idctn

from tilefold.model.dct import dct, idct
from tilefold_hw.error import error_bound
from tilefold_hw.fixed import SQ
from tilefold_hw.fixed import round_shift as exact_round_shift
from tilefold_hw.transform import SIZES, real_matrix, transform

BUILDS = [
    pytest.param(n, width, multiplier, id=f"{n}x{n}-{width}-{multiplier}")
    for n in SIZES
    for width in range(4, 17)
    for multiplier in (16, 18)
]
every_build = pytest.mark.parametrize(("n", "width", "multiplier"), BUILDS)


def build(n, width, multiplier=18):
    return transform(n, SQ(width), multiplier)


def real_dct(tiles, n):
    """Real coefficients in scan order: scipy's are [v, u]."""
    square = tiles.reshape(-1, n, n).astype(np.float64)
    return dctn(square, axes=(1, 2), norm="ortho").swapaxes(1, 2).reshape(-1, n * n)


def real_idct(coefficients, n):
    square = coefficients.reshape(-1, n, n).astype(np.float64).swapaxes(1, 2)
    return idctn(square, axes=(1, 2), norm="ortho").reshape(-1, n * n)


def by_hand(x, first, second):
    """Both passes over one tile with Python's integers: ``[y][x]`` to ``[u][v]``, or back."""
    for step in (first, second):
        x = [
            [
                exact_round_shift(sum(c * value for c, value in zip(out, row, strict=True)), shift)
                for row in x
            ]
            for out in step.matrix
            for shift in [step.constant.f + step.i.f - step.o.f]
        ]
    return np.transpose(x)


def hard_inputs(n, q, values, real, rng):
    """Tiles that make errors large: those worst for the constants, full-scale and random ones."""
    off = np.einsum("ab,cd->acbd", values, values) - np.einsum("ab,cd->acbd", real, real)
    worst = np.where(off.reshape(n * n, n * n) > 0, q.max, q.min)
    impulses = np.eye(n * n, dtype=np.int64)
    y, x = np.mgrid[:n, :n]
    waves = [
        0.5 + 0.5 * np.cos(np.pi * (a * x + b * y) / n + phase)
        for a in (0, 0.5, 1)
        for b in (0, 0.5, 1)
        for phase in (0, 1, 2)
    ]
    smooth = np.rint(np.array(waves) * (q.max - q.min) + q.min).astype(np.int64)
    return np.concatenate(
        [
            worst,
            q.min + q.max - worst,
            impulses * q.min,
            impulses * q.max,
            smooth.reshape(-1, n * n),
            np.repeat([[q.min], [-1], [0], [1], [q.max]], n * n, axis=1),
            rng.choice([q.min, q.max], (200, n * n)),
            rng.integers(q.min, q.max + 1, (200, n * n)),
        ]
    )


def climb(error, x, q, rng, steps=25):
    """Largest error found from the worst of *x* on, by nudging three samples at a time."""
    largest = error(x).max(axis=1)
    best = np.argsort(largest)[-32:]
    x, largest = x[best], largest[best]
    for _ in range(steps):
        nudged = x.copy()
        places = rng.integers(0, x.shape[1], (len(x), 3))
        values = np.take_along_axis(x, places, 1) + rng.integers(-3, 4, places.shape)
        np.put_along_axis(nudged, places, np.clip(values, q.min, q.max), 1)
        now = error(nudged).max(axis=1)
        better = now > largest
        x[better], largest[better] = nudged[better], now[better]
    return largest.max()


@pytest.mark.parametrize("multiplier", [16, 18])
@pytest.mark.parametrize("width", [4, 8, 16])
@pytest.mark.parametrize("n", SIZES)
def test_equals_exact_integers_worked_by_hand(n, width, multiplier):
    t = build(n, width, multiplier)
    rng = np.random.default_rng(0)
    for function, first, second in (
        (dct, t.forward_rows, t.forward_columns),
        (idct, t.inverse_columns, t.inverse_rows),
    ):
        # Signs that make the largest sums, then random tiles.
        matrix = np.array(first.matrix)
        signs = np.einsum("ab,cd->acbd", matrix, matrix).reshape(-1, n * n)[:: n + 1] > 0
        tiles = np.concatenate(
            [
                np.where(signs, first.i.max, first.i.min),
                np.where(signs, first.i.min, first.i.max),
                rng.integers(first.i.min, first.i.max + 1, (2, n * n)),
            ]
        )
        outputs = function(tiles, t)
        for tile, output in zip(tiles, outputs, strict=True):
            expected = by_hand(tile.reshape(n, n).tolist(), first, second)
            np.testing.assert_array_equal(output.reshape(n, n), expected)


@pytest.mark.parametrize("n", SIZES)
def test_horizontal_frequency_is_the_slow_index(n):
    t = build(n, 8)
    wave = np.rint(100 * np.array(real_matrix(n)[1])).astype(np.int64)
    horizontal = np.tile(wave, (n, 1)).reshape(1, -1)
    vertical = np.repeat(wave, n).reshape(1, -1)
    assert np.abs(dct(horizontal, t)).argmax() == n
    assert np.abs(dct(vertical, t)).argmax() == 1


@every_build
def test_error_is_within_the_proved_bound(n, width, multiplier):
    t = build(n, width, multiplier)
    bound = error_bound(t)
    rng = np.random.default_rng(0)
    values = np.array(t.forward_rows.matrix) / 2.0**t.forward_rows.constant.f
    real = np.array(real_matrix(n))

    tiles = hard_inputs(n, SQ(width), values, real, rng)
    forward = climb(lambda x: np.abs(dct(x, t) - real_dct(x, n)), tiles, SQ(width), rng)
    assert forward <= bound.forward

    coefficients = hard_inputs(n, t.coefficient, values.T, real.T, rng)
    coefficients = np.concatenate([coefficients, dct(tiles, t)])
    inverse = climb(
        lambda x: np.abs(idct(x, t) - real_idct(x, n)), coefficients, t.coefficient, rng
    )
    assert inverse <= bound.inverse

    # The bounds are not idle: such errors happen.
    assert bound.forward < 2 * forward
    assert bound.inverse < 2 * inverse


@every_build
def test_round_trip_is_within_the_proved_bound(n, width, multiplier):
    t = build(n, width, multiplier)
    rng = np.random.default_rng(0)
    values = np.array(t.forward_rows.matrix) / 2.0**t.forward_rows.constant.f
    tiles = hard_inputs(n, SQ(width), values.T @ values, np.eye(n), rng)
    found = climb(lambda x: np.abs(idct(dct(x, t), t) - x), tiles, SQ(width), rng)
    assert found <= error_bound(t).round_trip


def test_round_trip_of_8_bit_samples_is_off_by_1_at_most_almost_always():
    t = build(8, 8)
    tiles = np.random.default_rng(0).integers(-128, 128, (20_000, 64))
    error = np.abs(idct(dct(tiles, t), t) - tiles)
    assert error.max() <= 2
    assert np.count_nonzero(error > 1) <= 10
    assert error_bound(t).round_trip < 5


def test_bounds_are_those_that_the_docstrings_tell():
    told = {8: 0.57, 12: 0.91, 16: 1.83}
    for width, most in told.items():
        assert most - 0.01 < error_bound(build(8, width)).forward <= most


def test_forward_precision_of_8_bit_samples():
    tiles = np.random.default_rng(0).integers(-128, 128, (20_000, 64))
    error = dct(tiles, build(8, 8)) - real_dct(tiles, 8)
    assert np.abs(error).max() <= 0.55
    assert np.sqrt(np.mean(error**2)) <= 0.30
    assert abs(np.mean(error)) <= 0.01


@pytest.mark.parametrize("n", SIZES)
def test_zero_stays_zero(n):
    zeros = np.zeros((3, n * n), dtype=np.int32)
    np.testing.assert_array_equal(dct(zeros, build(n, 8)), zeros)
    np.testing.assert_array_equal(idct(zeros, build(n, 8)), zeros)


@pytest.mark.parametrize("n", SIZES)
def test_any_shape_in_front_and_any_integers_give_int32(n):
    t = build(n, 8)
    tiles = np.random.default_rng(0).integers(-128, 128, (2, 3, n * n)).astype(np.int8)
    flat = dct(tiles.reshape(6, -1).astype(np.int64), t)
    coefficients = dct(tiles, t)
    assert coefficients.dtype == np.int32
    np.testing.assert_array_equal(coefficients, flat.reshape(tiles.shape))
    restored = idct(coefficients.astype(np.int16), t)
    assert restored.dtype == np.int32
    np.testing.assert_array_equal(restored, idct(flat, t).reshape(tiles.shape))


def ieee_1180_numbers(low, high, count):
    """Random integers of IEEE 1180-1990, appendix A: its own generator, from its own start."""
    states = accumulate(
        repeat(None, count), lambda x, _: (x * 1103515245 + 12345) & 0xFFFF_FFFF, initial=1
    )
    next(states)
    fractions = (np.fromiter(states, np.int64, count) & 0x7FFF_FFFE) / 0x7FFF_FFFF
    return (fractions * (high - low + 1)).astype(np.int64) + low


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("low", "high"), [(-256, 255), (-5, 5), (-300, 300)])
def test_inverse_meets_ieee_1180(low, high, sign):
    blocks = sign * ieee_1180_numbers(low, high, 10_000 * 64).reshape(-1, 8, 8)
    coefficients = np.clip(np.rint(dctn(blocks, axes=(1, 2), norm="ortho")), -2048, 2047)
    reference = np.clip(np.rint(idctn(coefficients, axes=(1, 2), norm="ortho")), -256, 255)
    # Our scan has the vertical frequency fastest.
    scanned = coefficients.swapaxes(1, 2).reshape(-1, 64).astype(np.int64)
    restored = np.clip(idct(scanned, build(8, 9)), -256, 255).reshape(-1, 8, 8)
    error = restored - reference
    assert np.abs(error).max() <= 1
    assert np.mean(error**2, axis=0).max() <= 0.06
    assert np.mean(error**2) <= 0.02
    assert np.abs(np.mean(error, axis=0)).max() <= 0.015
    assert abs(np.mean(error)) <= 0.0015
