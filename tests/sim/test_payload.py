import numpy as np
import pytest
from amaranth.hdl import Const, signed
from amaranth.lib import data
from hypothesis import given
from hypothesis import strategies as st

from tilefold_sim.payload import pack, parts, unpack

FIELDS = st.lists(st.tuples(st.integers(1, 64), st.booleans()), min_size=1, max_size=5)


def raw(row):
    return sum(int(part) << 32 * n for n, part in enumerate(row))


@given(FIELDS, st.data())
def test_fields_come_back_and_lie_where_amaranth_has_them(fields, draw):
    layout = data.StructLayout(
        {f"f{n}": signed(width) if sign else width for n, (width, sign) in enumerate(fields)}
    )
    values = {}
    for n, (width, sign) in enumerate(fields):
        low, high = (-(1 << width - 1), (1 << width - 1) - 1) if sign else (0, (1 << width) - 1)
        drawn = draw.draw(st.lists(st.integers(low, high), min_size=3, max_size=3))
        values[f"f{n}"] = np.array(drawn, dtype=np.int64 if sign else np.uint64)
    rows = pack(layout, values)
    assert rows.shape == (3, parts(layout))
    for n, row in enumerate(rows):
        one = {name: int(value[n]) for name, value in values.items()}
        assert raw(row) == Const.cast(layout.const(one)).value & ((1 << layout.size) - 1)
    for name, value in unpack(layout, rows).items():
        np.testing.assert_array_equal(value, values[name])


@pytest.mark.parametrize("width", [16, 32, 64, 128, 512])
def test_words_are_bytes_with_the_least_significant_first(width):
    words = np.random.default_rng(0).integers(0, 256, (5, width // 8), dtype=np.uint8)
    layout = data.StructLayout({"data": width, "last": 1})
    last = np.array([0, 0, 1, 0, 1])
    rows = pack(layout, {"data": words, "last": last})
    for row, word, end in zip(rows, words, last, strict=True):
        assert raw(row) == int.from_bytes(word.tobytes(), "little") | int(end) << width
    back = unpack(layout, rows)
    np.testing.assert_array_equal(back["last"], last)
    if width > 64:
        np.testing.assert_array_equal(back["data"], words)
    else:
        assert back["data"].tolist() == [int.from_bytes(w.tobytes(), "little") for w in words]


def test_what_is_too_wide_is_cut():
    assert pack(4, np.array([-1, 17])).tolist() == [[15], [1]]


def test_a_field_that_is_left_out_is_zero():
    layout = data.StructLayout({"data": 8, "last": 1})
    assert pack(layout, {"data": np.array([255])}).tolist() == [[255]]


def test_rejects_an_array_for_a_struct():
    layout = data.StructLayout({"data": 8, "last": 1})
    with pytest.raises(
        TypeError, match=r"^payloads must be a mapping of data, last, not an array$"
    ):
        pack(layout, np.arange(3))


def test_rejects_a_field_that_is_none():
    layout = data.StructLayout({"data": 8, "last": 1})
    with pytest.raises(ValueError, match=r"^payload has no field 'lost', only data, last$"):
        pack(layout, {"data": np.arange(3), "lost": np.arange(3)})
