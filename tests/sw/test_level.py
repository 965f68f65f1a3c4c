import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilefold.model.level import centre, clip
from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Clip

widths = pytest.mark.parametrize("width", range(4, 17))
signs = pytest.mark.parametrize("signed", [False, True])


def config(width, signed):
    return CodecConfig(sample_width=width, sample_signed=signed)


def every_sample(c, dtype=np.int64):
    return np.arange(c.sample.min, c.sample.max + 1, dtype=dtype)


@widths
@signs
def test_centred_samples_fill_their_format(width, signed):
    c = config(width, signed)
    centred = centre(every_sample(c), c)
    assert centred.dtype == np.int32
    np.testing.assert_array_equal(centred, np.arange(c.centred.min, c.centred.max + 1))


@widths
def test_centring_inverts_the_top_bit(width):
    c = config(width, signed=False)
    samples = every_sample(c, np.uint16)
    mask = (1 << width) - 1
    np.testing.assert_array_equal(centre(samples, c) & mask, samples ^ (1 << (width - 1)))


@widths
@signs
def test_clip_undoes_centre(width, signed):
    c = config(width, signed)
    samples = every_sample(c)
    restored = clip(centre(samples, c), c, Clip())
    assert restored.dtype == np.int32
    np.testing.assert_array_equal(restored, samples)


@widths
@signs
def test_clip_without_limits_saturates_to_the_restored_format(width, signed):
    c = config(width, signed)
    q = c.transform.inverse_rows.o
    ends = np.array([q.min, q.max], dtype=np.int32)
    np.testing.assert_array_equal(clip(ends, c, Clip()), [c.restored.min, c.restored.max])


def test_unsigned_samples_keep_what_falls_below_zero_unless_clipped():
    c = CodecConfig()
    below = np.array([-128 - 256, -128 - 255, -129, -128, -127, 0, 127, 128, 255])
    restored = [-256, -255, -1, 0, 1, 128, 255, 255, 255]
    np.testing.assert_array_equal(clip(below, c, Clip()), restored)
    np.testing.assert_array_equal(clip(below, c, Clip(0)), np.maximum(restored, 0))
    np.testing.assert_array_equal(clip(below, c, Clip(0, 100)), np.clip(restored, 0, 100))


@signs
@given(st.data())
def test_clip_holds_the_limits_of_the_layer(signed, data):
    c = config(8, signed)
    inside = st.integers(c.restored.min, c.restored.max)
    low, high = sorted(data.draw(st.tuples(inside, inside)))
    q = c.transform.inverse_rows.o
    centred = data.draw(st.lists(st.integers(q.min, q.max), min_size=1))
    offset = 0 if signed else 128
    expected = [min(max(value + offset, low), high) for value in centred]
    np.testing.assert_array_equal(clip(np.array(centred), c, Clip(low, high)), expected)
