import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilefold.model.quantise import channel_tables, dequantise, quantise
from tilefold_hw.config import CodecConfig
from tilefold_hw.fixed import round_shift as exact_round_shift
from tilefold_hw.layer import Layer
from tilefold_hw.table import Table, uniform

WIDE = CodecConfig(sample_width=16, sample_signed=True)
NARROW = CodecConfig()


def quantise_by_hand(coefficient, width, shift):
    """Return the field and whether it saturated."""
    if width == 0:
        return 0, False
    rounded = exact_round_shift(coefficient, shift)
    field = min(max(rounded, -(2 ** (width - 1))), 2 ** (width - 1) - 1)
    return field, field != rounded


@st.composite
def entries(draw, config):
    q = config.coefficient
    coefficient = draw(st.sampled_from([q.min, q.max, 0, -1]) | st.integers(q.min, q.max))
    return coefficient, draw(st.integers(0, 16)), draw(st.integers(0, config.shift_max))


@pytest.mark.parametrize("config", [NARROW, WIDE], ids=["8 bits", "16 bits"])
@given(st.data())
def test_rounds_and_saturates_as_by_hand(config, data):
    rows = data.draw(st.lists(entries(config), min_size=1, max_size=64))
    coefficients, widths, shifts = np.array(rows, dtype=np.int32).T
    fields, saturated = quantise(coefficients, widths, shifts)
    expected = [quantise_by_hand(*row) for row in rows]
    assert fields.dtype == np.int32
    np.testing.assert_array_equal(fields, [field for field, _ in expected])
    assert saturated == sum(lost for _, lost in expected)


@pytest.mark.parametrize("config", [NARROW, WIDE], ids=["8 bits", "16 bits"])
@given(st.data())
def test_what_fits_comes_back_within_half_a_step(config, data):
    coefficient, width, shift = data.draw(entries(config))
    coefficients, widths, shifts = (np.array([[x]]) for x in (coefficient, width, shift))
    fields, saturated = quantise(coefficients, widths, shifts)
    restored = dequantise(fields, shifts, config)
    assert restored.dtype == np.int32
    assert config.coefficient.min <= restored[0, 0] <= config.coefficient.max
    if width == 0:
        assert restored[0, 0] == 0
    elif not saturated:
        assert 2 * abs(int(restored[0, 0]) - coefficient) <= 1 << shift


def test_dropped_coefficients_are_never_counted_as_saturated():
    q = NARROW.coefficient
    coefficients = np.array([[q.min, q.max, 1000, -1000]])
    fields, saturated = quantise(coefficients, np.zeros((1, 4), int), np.zeros((1, 4), int))
    np.testing.assert_array_equal(fields, np.zeros((1, 4)))
    assert saturated == 0


@pytest.mark.parametrize("width", range(1, 17))
def test_saturates_just_past_the_ends_of_each_width(width):
    high = (1 << width >> 1) - 1
    low = -high - 1
    coefficients = np.array([low - 1, low, high, high + 1])
    fields, saturated = quantise(coefficients, np.full(4, width), np.zeros(4, int))
    np.testing.assert_array_equal(fields, [low, low, high, high])
    assert saturated == 2


def test_rounding_up_past_the_width_saturates():
    # 126 / 4 rounds to 32, one more than 6 bits hold.
    fields, saturated = quantise(np.array([125, 126]), np.array([6, 6]), np.array([2, 2]))
    np.testing.assert_array_equal(fields, [31, 31])
    assert saturated == 1


def test_dequantised_fields_saturate_to_the_format_of_a_coefficient():
    q = NARROW.coefficient
    fields, shifts = np.array([-32768, 32767, 1, -1]), np.array([10, 10, 10, 10])
    restored = dequantise(fields, shifts, NARROW)
    np.testing.assert_array_equal(restored, [q.min, q.max, min(1024, q.max), max(-1024, q.min)])


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_each_channel_reads_the_table_of_its_index(seed):
    rng = np.random.default_rng(seed)
    tables = tuple(
        Table(tuple(rng.integers(0, 17, 64).tolist()), tuple(rng.integers(0, 11, 64).tolist()))
        for _ in range(3)
    )
    layer = Layer(2, tables, tuple(rng.integers(0, 3, 5).tolist()))
    widths, shifts = channel_tables(layer)
    coefficients = rng.integers(-1024, 1024, (2, 5, 64))
    fields, saturated = quantise(coefficients, widths, shifts)
    count = 0
    for group in range(2):
        for channel, number in enumerate(layer.index):
            table = tables[number]
            alone, lost = quantise(
                coefficients[group, channel], np.array(table.widths), np.array(table.shifts)
            )
            np.testing.assert_array_equal(fields[group, channel], alone)
            count += lost
    assert saturated == count


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16, np.int64])
def test_tables_may_be_integers_of_any_kind(dtype):
    coefficients = np.arange(-1024, 1024, 16, dtype=np.int16)
    widths = np.resize(np.arange(17), 128)
    shifts = np.resize(np.arange(11), 128)
    expected, count = quantise(coefficients, widths, shifts)
    fields, saturated = quantise(coefficients, widths.astype(dtype), shifts.astype(dtype))
    assert fields.dtype == np.int32
    np.testing.assert_array_equal(fields, expected)
    assert saturated == count
    np.testing.assert_array_equal(
        dequantise(fields, shifts.astype(dtype), NARROW), dequantise(expected, shifts, NARROW)
    )


def test_one_table_serves_all_channels_that_share_it():
    widths, shifts = channel_tables(Layer(1, (uniform(8, 5, 3),), (0,) * 4))
    assert widths.shape == shifts.shape == (4, 64)
    np.testing.assert_array_equal(widths, 5)
    np.testing.assert_array_equal(shifts, 3)
