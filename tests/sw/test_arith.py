import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilefold.model.arith import require, round_shift, saturate
from tilefold_hw.fixed import SQ, UQ
from tilefold_hw.fixed import round_shift as exact_round_shift

values = st.lists(st.integers(-(1 << 40), 1 << 40), min_size=1, max_size=20)


@given(values, st.integers(0, 40))
def test_round_shift_of_arrays_is_that_of_the_data_sheet(x, shift):
    expected = [exact_round_shift(value, shift) for value in x]
    np.testing.assert_array_equal(round_shift(np.array(x, dtype=np.int64), shift), expected)


@given(st.lists(st.tuples(st.integers(-(1 << 19), (1 << 19) - 1), st.integers(0, 19)), min_size=1))
def test_round_shift_takes_a_shift_for_each_value_and_keeps_int32(pairs):
    x, shifts = np.array(pairs, dtype=np.int32).T
    rounded = round_shift(x, shifts)
    assert rounded.dtype == np.int32
    np.testing.assert_array_equal(rounded, [exact_round_shift(*pair) for pair in pairs])


def test_halves_round_up():
    halves = np.array([-3, -1, 1, 3])
    np.testing.assert_array_equal(round_shift(halves, 1), [-1, 0, 1, 2])
    np.testing.assert_array_equal(round_shift(4 * halves, 3), [-1, 0, 1, 2])


@pytest.mark.parametrize("q", [SQ(4), UQ(4), SQ(1, 3)])
def test_saturates_at_both_ends_of_a_format(q):
    x = np.arange(-40, 41)
    expected = [min(max(value, q.min), q.max) for value in x.tolist()]
    np.testing.assert_array_equal(saturate(x, q), expected)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint64, np.int64])
@pytest.mark.parametrize("q", [SQ(8), UQ(7), SQ(16), UQ(16)])
def test_accepts_any_integers_within_the_format(dtype, q):
    limits = np.iinfo(dtype)
    ends = [max(q.min, int(limits.min)), 0, min(q.max, int(limits.max))]
    require(np.array(ends, dtype=dtype), q, "samples")


@pytest.mark.parametrize(
    ("x", "q", "sentence"),
    [
        (np.array([0, -1, -2]), UQ(8), "samples must be 0 to 255, not -1 at (1,)"),
        (np.array([[0, 1], [128, 200]]), SQ(8), "samples must be -128 to 127, not 128 at (1, 0)"),
        (np.array([[[255]]], np.uint8), SQ(8), "samples must be -128 to 127, not 255 at (0, 0, 0)"),
    ],
)
def test_names_the_first_value_out_of_range_and_its_place(x, q, sentence):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        require(x, q, "samples")


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        ([1, 2], "list"),
        (np.int64(3), "int64"),
        (None, "NoneType"),
        (np.array([1.0]), "of float64"),
        (np.array([True]), "of bool"),
        (np.array(["1"]), "of <U1"),
    ],
)
def test_rejects_what_is_no_array_of_integers(x, kind):
    sentence = f"samples must be an array of integers, not {kind}"
    with pytest.raises(TypeError, match=f"^{re.escape(sentence)}$"):
        require(x, SQ(8), "samples")
