import re
from functools import cache

import numpy as np
import pytest
import scipy.fft

from tilefold_hw.fixed import SQ, holding
from tilefold_hw.transform import SIZES, real_matrix, scan, transform

BUILDS = [
    pytest.param(n, width, multiplier, id=f"{n}x{n}-{width}-{multiplier}")
    for n in SIZES
    for width in range(4, 17)
    for multiplier in (16, 18)
]
every_build = pytest.mark.parametrize(("n", "width", "multiplier"), BUILDS)


def build(n, width, multiplier):
    return transform(n, SQ(width), multiplier)


@cache
def worst(first, second):
    """Extremes of both passes, and of their sums before rounding, for tiles built from signs.

    For each result of the second pass, one tile makes it as large as it can be and one as small:
    every term of the second sum is at the end that its constant's sign asks for, because every term
    of the first one is.
    """
    c = np.array(first.matrix, dtype=object)
    n = len(c)
    shape = (n, n, n, n)  # first output a, second output b, place along b's axis, along a's axis
    signs = np.where(c > 0, 1, -1)
    positive = np.broadcast_to((signs[None, :, :, None] * signs[:, None, None, :]) > 0, shape)
    extremes = []
    for upper in (True, False):
        inputs = np.where(positive == upper, first.i.max, first.i.min).astype(np.int64)
        weights = c.astype(np.int64)
        sums = np.einsum("abkj,aj->abk", inputs, weights)
        middle = (sums + (1 << first.shift >> 1)) >> first.shift
        totals = np.einsum("abk,bk->ab", middle, weights)
        half = 1 << second.shift >> 1
        extremes.append((sums, middle, totals + half, (totals + half) >> second.shift))
    return [
        (min(int(x.min()), int(y.min())), max(int(x.max()), int(y.max())))
        for x, y in zip(*extremes, strict=True)
    ]


def directions(t):
    return (t.forward_rows, t.forward_columns), (t.inverse_columns, t.inverse_rows)


@pytest.mark.parametrize("n", SIZES)
def test_real_matrix_is_the_orthonormal_dct(n):
    expected = scipy.fft.dct(np.eye(n), axis=0, norm="ortho")
    np.testing.assert_allclose(real_matrix(n), expected, rtol=0, atol=1e-14)


@every_build
def test_constants_are_the_nearest_and_fit_the_multiplier(n, width, multiplier):
    t = build(n, width, multiplier)
    q = t.forward_rows.constant
    matrix = np.array(t.forward_rows.matrix)
    expected = scipy.fft.dct(np.eye(n), axis=0, norm="ortho")
    assert np.abs(matrix / 2**q.f - expected).max() <= 2.0 ** -(q.f + 1)
    assert q.width <= multiplier
    assert q.min <= matrix.min()
    assert matrix.max() <= q.max
    # One bit narrower fails.
    assert max(matrix.max(), ~matrix.min()) > SQ(q.i - 1, q.f).max


@every_build
def test_symmetric_constants_are_exactly_equal_or_opposite(n, width, multiplier):
    matrix = np.array(build(n, width, multiplier).forward_rows.matrix)
    signs = (-1) ** np.arange(n)[:, None]
    np.testing.assert_array_equal(matrix[:, ::-1], signs * matrix)
    assert len(set(matrix[0])) == 1
    # An angle decides the size of a constant: equal angles, equal sizes.
    angles = np.outer(np.arange(n), 2 * np.arange(n) + 1) % (4 * n)
    folded = np.minimum(angles, 4 * n - angles)
    folded = np.minimum(folded, 2 * n - folded)
    for angle in range(n + 1):
        assert len(set(np.abs(matrix[1:][folded[1:] == angle]))) <= 1


@every_build
def test_passes_of_a_direction_share_a_matrix_and_meet_in_a_format(n, width, multiplier):
    t = build(n, width, multiplier)
    for first, second in directions(t):
        assert first.matrix == second.matrix
        assert first.o == second.i
        assert second.o.f == 0
        assert min(first.shift, second.shift) > 0
    assert t.forward_rows.i == SQ(width)
    assert t.forward_columns.o == t.inverse_columns.i == t.coefficient
    np.testing.assert_array_equal(t.inverse_rows.matrix, np.transpose(t.forward_rows.matrix))


@every_build
def test_worst_tiles_reach_but_never_leave_the_formats(n, width, multiplier):
    for first, second in directions(build(n, width, multiplier)):
        _, middle, _, result = worst(first, second)
        # The narrowest format that holds what the worst tiles make is the one that is built.
        assert holding(*middle, first.o.f) == first.o
        assert holding(*result) == second.o


@every_build
def test_worst_tiles_never_leave_the_accumulators(n, width, multiplier):
    for first, second in directions(build(n, width, multiplier)):
        sums, _, totals, _ = worst(first, second)
        half = 1 << first.shift >> 1
        assert holding(sums[0], sums[1] + half, first.accumulator.f) == first.accumulator
        assert second.accumulator.min <= totals[0]
        assert totals[1] <= second.accumulator.max


@every_build
def test_middle_formats_have_two_to_six_guard_bits(n, width, multiplier):
    t = build(n, width, multiplier)
    butterflies = 2 if n == 8 else 1
    for step, room in ((t.forward_rows, multiplier - butterflies), (t.inverse_columns, multiplier)):
        assert 2 <= step.o.f <= 6
        # More than two only where they fit, and as many as do.
        assert step.o.f == 2 or step.o.width <= room
        assert step.o.f == 6 or step.o.width >= room


@pytest.mark.parametrize(("multiplier", "first_wide"), [(16, 10), (18, 12)])
def test_middle_formats_of_8x8_fit_the_multiplier_up_to_the_width_promised(multiplier, first_wide):
    wide = [
        width
        for width in range(4, 17)
        for t in [build(8, width, multiplier)]
        if t.forward_rows.o.width > multiplier - 2 or t.inverse_columns.o.width > multiplier
    ]
    assert wide == list(range(first_wide, 17))


@pytest.mark.parametrize("n", SIZES)
def test_scan_is_raster_with_the_vertical_frequency_fastest(n):
    assert scan(n) == [(k // n, k % n) for k in range(n * n)]


@pytest.mark.parametrize("n", [0, 5, 32, "8"])
def test_rejects_other_sizes(n):
    sentence = f"tile must be 4, 7, 8 or 16, not {n!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        transform(n, SQ(8), 18)
