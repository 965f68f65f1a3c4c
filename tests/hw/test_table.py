import re

import pytest

from tilefold_hw.config import CodecConfig
from tilefold_hw.table import Table, masked, triangle, uniform
from tilefold_hw.transform import SIZES, scan

CONFIG = CodecConfig()  # coefficients of 11 bits: shifts up to 10


def says(sentence):
    return f"^{re.escape(sentence)}$"


def replaced(values, n, value):
    return (*values[:n], value, *values[n + 1 :])


@pytest.mark.parametrize("n", SIZES)
def test_uniform_treats_every_coefficient_alike(n):
    table = uniform(n, 5, 3)
    assert table == Table((5,) * n**2, (3,) * n**2)
    assert table.bits == 5 * n**2
    table.check(CodecConfig(tile=n))


def test_masked_stores_what_is_kept_in_scan_order():
    table = masked(4, [(0, 0), (1, 2)], width=6, shift=2)
    assert table.widths == (6, 0, 0, 0, 0, 0, 6, 0, *(0,) * 8)
    assert table.shifts == (2,) * 16
    assert table.bits == 12


def test_triangle_is_in_order_of_u_plus_v_then_u():
    assert triangle(8, 6) == [(0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (2, 0)]
    assert triangle(4, 0) == []
    assert sorted(triangle(4, 16)) == scan(4)


@pytest.mark.parametrize(
    ("config", "widest"),
    [(CONFIG, 11), (CodecConfig(sample_width=16), 16)],
    ids=["8 bits", "16 bits"],
)
def test_entries_reach_from_nothing_to_a_whole_coefficient_or_field(config, widest):
    for width in (0, widest):
        for shift in (0, config.shift_max):
            uniform(8, width, shift).check(config)
    for width in (-1, widest + 1):
        table = Table(replaced((8,) * 64, 10, width), (0,) * 64)
        sentence = f"width of coefficient (1, 2) must be 0 to {widest}, not {width}"
        with pytest.raises(ValueError, match=says(sentence)):
            table.check(config)


@pytest.mark.parametrize("value", [-1, 11])
def test_rejects_a_shift_that_leaves_nothing(value):
    table = Table((8,) * 64, replaced((0,) * 64, 63, value))
    with pytest.raises(
        ValueError, match=says(f"shift of coefficient (7, 7) must be 0 to 10, not {value}")
    ):
        table.check(CONFIG)


@pytest.mark.parametrize("value", [4.0, True, "4", None])
@pytest.mark.parametrize("name", ["width", "shift"])
def test_rejects_entries_of_another_kind(name, value):
    changed = replaced((4,) * 64, 1, value)
    table = Table(changed, (0,) * 64) if name == "width" else Table((4,) * 64, changed)
    sentence = f"{name} of coefficient (0, 1) must be a Python int, not {value!r}"
    with pytest.raises(TypeError, match=says(sentence)):
        table.check(CONFIG)


def test_rejects_integers_of_numpy_whose_sums_may_wrap():
    np = pytest.importorskip("numpy")
    table = Table(tuple(np.full(64, 16, np.int8)), (0,) * 64)
    sentence = "width of coefficient (0, 0) must be a Python int, not np.int8(16)"
    with pytest.raises(TypeError, match=says(sentence)):
        table.check(CONFIG)


@pytest.mark.parametrize("count", [0, 49, 256])
@pytest.mark.parametrize("name", ["widths", "shifts"])
def test_rejects_a_table_of_another_tile(name, count):
    lengths = (count, 64) if name == "widths" else (64, count)
    table = Table((4,) * lengths[0], (0,) * lengths[1])
    with pytest.raises(ValueError, match=says(f"{name} must have 64 entries (8 × 8), not {count}")):
        table.check(CONFIG)


def test_rejects_a_mask_outside_the_tile():
    sentence = "keep must hold coefficients of a 4 × 4 tile, not (0, 4)"
    with pytest.raises(ValueError, match=says(sentence)):
        masked(4, [(0, 0), (4, 0), (0, 4)], width=6, shift=2)


@pytest.mark.parametrize("count", [-1, 17])
def test_rejects_a_triangle_larger_than_the_tile(count):
    with pytest.raises(ValueError, match=says(f"count must be 0 to 16, not {count}")):
        triangle(4, count)
