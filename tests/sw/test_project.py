import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilefold.model.project import project
from tilefold_hw.config import SCALE, SCALE_SHIFT_MAX
from tilefold_hw.fixed import SQ, UQ, round_shift
from tilefold_hw.layer import Clip, Projection, bias_format


def by_hand(pixel, projection, o):
    """Return one pixel's outputs in Python's integers, of no limit."""
    low, high = projection.clip.limits(o)
    outputs = []
    for m, row in enumerate(projection.weights):
        total = sum(w * x for w, x in zip(row, pixel, strict=True)) + projection.biases[m]
        scaled = round_shift(total * projection.scales[m], projection.shifts[m])
        outputs.append(min(max(scaled, low), high))
    return outputs


@st.composite
def projections(draw, i, o):
    inputs, outputs = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    bias = bias_format(i, 6)

    def numbers(low, high, count):
        one = st.sampled_from([low, high]) | st.integers(low, high)
        return tuple(draw(st.lists(one, min_size=count, max_size=count)))

    inside = st.none() | st.integers(o.min, o.max)
    low, high = draw(st.tuples(inside, inside))
    if low is not None and high is not None:
        low, high = min(low, high), max(low, high)
    return Projection(
        weights=tuple(numbers(-128, 127, inputs) for _ in range(outputs)),
        biases=numbers(bias.min, bias.max, outputs),
        scales=numbers(SCALE.min, SCALE.max, outputs),
        shifts=numbers(0, SCALE_SHIFT_MAX, outputs),
        clip=Clip(low, high),
    )


@pytest.mark.parametrize("q", [UQ(8), SQ(9), UQ(16), SQ(17)], ids=repr)
@settings(max_examples=40)
@given(st.data())
def test_equals_exact_integers_worked_by_hand(q, data):
    projection = data.draw(projections(q, q))
    projection.check(q, q, 6)
    value = st.sampled_from([q.min, q.max]) | st.integers(q.min, q.max)
    pixel = st.lists(value, min_size=projection.inputs, max_size=projection.inputs)
    x = np.array([data.draw(pixel), data.draw(pixel)])
    y = project(x, projection, q)
    assert y.dtype == np.int32
    np.testing.assert_array_equal(y, [by_hand(p, projection, q) for p in x.tolist()])


@pytest.mark.parametrize("shift", [0, 1, 31, SCALE_SHIFT_MAX])
@pytest.mark.parametrize("weight", [-128, 127])
@pytest.mark.parametrize("q", [UQ(16), SQ(17)], ids=repr)
def test_largest_sums_of_the_widest_build_do_not_wrap(q, weight, shift):
    channels = 1024
    bias = bias_format(q, channels)
    x = np.array([[q.min] * channels, [q.max] * channels])
    for bias_value in (bias.min, bias.max):
        projection = Projection(
            ((weight,) * channels,), (bias_value,), (SCALE.max,), (shift,), Clip()
        )
        projection.check(q, q, channels)
        expected = [by_hand(pixel, projection, q) for pixel in x.tolist()]
        np.testing.assert_array_equal(project(x, projection, q), expected)


@pytest.mark.parametrize("total", [-3, -1, 0, 1, 2])
def test_sums_are_exact_to_the_last_bit(total):
    q = SQ(17)
    rng = np.random.default_rng(0)
    x = rng.integers(q.min, q.max + 1, 400)
    weights = np.where(x < 0, -128, 127)
    # The bias takes all of a sum of 31 bits away but the last bits.
    bias = total - sum(w * value for w, value in zip(weights.tolist(), x.tolist(), strict=True))
    projection = Projection((tuple(weights.tolist()),), (bias,), (1,), (0,))
    projection.check(q, q, 400)
    np.testing.assert_array_equal(project(x[None], projection, q), [[total]])


def test_halves_round_up_and_the_clamp_is_that_of_a_bounded_relu():
    x = np.arange(-8, 9)[:, None]
    halved = Projection(((1,),), (0,), (1,), (1,))
    np.testing.assert_array_equal(project(x, halved, SQ(8))[:, 0], (np.arange(-8, 9) + 1) // 2)
    relu = Projection(((1,),), (0,), (1,), (0,), Clip(0, 5))
    np.testing.assert_array_equal(project(x, relu, SQ(8))[:, 0], np.clip(np.arange(-8, 9), 0, 5))


def test_channels_are_the_last_axis_of_any_shape():
    rng = np.random.default_rng(0)
    projection = Projection(((1, 2, 3), (-4, 5, -6)), (7, -8), (9, 10), (4, 5))
    x = rng.integers(0, 256, (2, 5, 3))
    y = project(x, projection, SQ(16))
    assert y.shape == (2, 5, 2)
    for place in np.ndindex(2, 5):
        np.testing.assert_array_equal(y[place], by_hand(x[place].tolist(), projection, SQ(16)))
