import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilefold_hw.fixed import SQ, UQ, Q, holding, round_shift


@st.composite
def formats(draw, most=24):
    f = draw(st.integers(0, most))
    return Q(draw(st.integers(1 - f, most)), f, draw(st.booleans()))


def holds(q, raw, f):
    """Whether *q* holds *raw* · 2**-f."""
    whole, rest = divmod(raw << q.f, 1 << f)
    return not rest and q.min <= whole <= q.max


# Sums and products are least and greatest where both terms are at an end; the terms beside show
# whether the fraction is fine enough.
@given(formats(), formats())
def test_a_sum_of_two_formats_holds_every_result(p, q):
    for x, y in product((p.min, p.min + 1, p.max), (q.min, q.min + 1, q.max)):
        assert holds(p + q, (x << q.f) + (y << p.f), p.f + q.f)


@given(formats(), formats())
def test_a_product_of_two_formats_holds_every_result(p, q):
    for x, y in product((p.min, p.min + 1, p.max), (q.min, q.min + 1, q.max)):
        assert holds(p * q, x * y, p.f + q.f)


@given(formats(), st.integers(2, 300))
def test_a_sum_of_many_holds_its_extremes_and_no_more(q, n):
    for end in (q.min, q.max):
        assert holds(q.sum_of(n), n * end, q.f)
    narrower = SQ(q.sum_of(n).i - 1, q.f)
    assert not holds(narrower, -n << (q.width - 1), q.f)


def test_a_sum_of_one_is_as_wide_as_it():
    assert SQ(8, 3).sum_of(1) == SQ(8, 3)


@given(formats(), st.integers(0, 8))
def test_a_sum_of_two_formats_has_no_bit_too_many(p, finer):
    # Where the integer bits are the same, the carry is needed; else it may not be.
    q = Q(p.i, p.f + finer, p.signed)
    ends = [(p.min << finer) + q.min, (p.max << finer) + q.max]
    assert not all(holds(Q(p.i, q.f, p.signed), end, q.f) for end in ends)


@pytest.mark.parametrize(
    ("q", "low", "high"),
    [
        (SQ(8), -128, 127),
        (SQ(2, 6), -128, 127),
        (SQ(-3, 11), -128, 127),
        (SQ(1), -1, 0),
        (UQ(8), 0, 255),
        (UQ(0, 8), 0, 255),
        (UQ(1), 0, 1),
    ],
)
def test_range_of_raw_integers_follows_from_the_width(q, low, high):
    assert (q.min, q.max) == (low, high)


@given(st.integers(-(1 << 40), 1 << 40), st.integers(-(1 << 40), 1 << 40), st.integers(0, 20))
def test_holding_is_the_narrowest_signed_format(a, b, f):
    low, high = min(a, b), max(a, b)
    q = holding(low, high, f)
    assert q.signed
    assert q.f == f
    assert q.min <= low <= high <= q.max
    if q.width > 1:
        narrower = SQ(q.i - 1, f)
        assert not narrower.min <= low <= high <= narrower.max


@pytest.mark.parametrize(
    ("low", "high", "width"),
    [(0, 0, 1), (-1, 0, 1), (-2, 0, 2), (0, 1, 2), (-128, 127, 8), (-129, 0, 9), (0, 128, 9)],
)
def test_holding_at_the_edges_of_a_width(low, high, width):
    assert holding(low, high) == SQ(width)
    assert holding(low, high, 3) == SQ(width - 3, 3)


@given(st.integers(-(1 << 50), 1 << 50), st.integers(0, 40))
def test_round_shift_gives_the_nearest_integer_half_up(value, shift):
    rounded = round_shift(value, shift)
    # -1/2 < rounded - value / 2**shift <= 1/2, in integers.
    assert -(1 << shift) < 2 * ((rounded << shift) - value) <= 1 << shift


@pytest.mark.parametrize("f", [0, 4])
@pytest.mark.parametrize("kind", [SQ, UQ])
def test_rejects_a_format_without_width(kind, f):
    sentence = f"Fixed-point format must have a positive width, not {kind.__name__}({-f}, {f})"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        kind(-f, f)


def test_rejects_a_negative_fraction():
    sentence = "Fixed-point format must have 0 or more fraction bits, not -1"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        SQ(9, -1)


def test_shows_itself_as_it_is_written():
    assert [repr(SQ(8)), repr(UQ(3, 5))] == ["SQ(8, 0)", "UQ(3, 5)"]
