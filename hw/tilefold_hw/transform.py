"""The transform in integers: its matrix, and the formats that no input can overflow.

The orthonormal DCT-II of *N* points is a matrix; here its entries are integers worth ``2**-f``. A
two-dimensional transform is two passes of exact integer sums, each rounded once, half up. All
widths follow from the range of the samples by interval arithmetic, which is exact here: the inputs
of every sum are independent, so each bound is reached by some tile. How far the integers can be
from the real transform follows in the same way.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .fixed import SQ, Q, holding, round_shift

SIZES = (4, 7, 8, 16)
"""Tile sizes that can be built."""

Range = tuple[int, int]
Matrix = tuple[tuple[int, ...], ...]

# Past seven bits more than a sample has, a finer constant changes no rounded coefficient by more
# than the pass's own rounding does.
_CONSTANT_MARGIN = 7

# Guard bits of the format between the passes. Their rounding adds up to 0.36 to a coefficient with
# two (N = 8), 0.03 with six, and more would not show.
_GUARD_MIN, _GUARD_MAX = 2, 6

# Bits that the forward direction's butterflies add in front of the multiplier: one where the halves
# of a vector meet; with N = 8, whose even half is folded once more, two.
_HEADROOM = {8: 2}


@dataclass(frozen=True, slots=True)
class Pass:
    """One of the two passes: ``round_shift(matrix @ column, shift)`` for every column.

    Both passes of a direction use one matrix; they differ in formats.
    """

    #: ``matrix[out][in]``, raw integers.
    matrix: Matrix
    #: Format of a matrix entry.
    constant: Q
    #: Format of an input.
    i: Q
    #: Format of an output.
    o: Q

    @property
    def shift(self) -> int:
        """Bits that the rounding drops."""
        return self.constant.f + self.i.f - self.o.f

    @property
    def accumulator(self) -> Q:
        """Format of the exact sum, with the half that rounds it."""
        low, high = _span(self.matrix, [(self.i.min, self.i.max)] * len(self.matrix))
        half = 1 << self.shift >> 1
        return holding(low, high + half, self.constant.f + self.i.f)


@dataclass(frozen=True, slots=True)
class Transform:
    """Both directions of the two-dimensional transform, two passes each.

    A coefficient is an integer: 2-D gains of 8 (N = 8) leave nothing to gain from a fraction that
    the table would round away.
    """

    #: Points a side.
    n: int
    #: Samples to middle format, along the rows of a tile.
    forward_rows: Pass
    #: Middle format to coefficients, along the columns.
    forward_columns: Pass
    #: Coefficients to middle format, along the columns.
    inverse_columns: Pass
    #: Middle format to samples, along the rows.
    inverse_rows: Pass

    @property
    def coefficient(self) -> Q:
        """Format of a coefficient."""
        return self.forward_columns.o


@lru_cache
def transform(n: int, sample: Q, multiplier_width: int) -> Transform:
    """Transform of *n* × *n* tiles of *sample*, for multipliers of *multiplier_width* bits.

    Wide samples need a middle format wider than the multiplier leaves room for (N = 8: from 12 bits
    on with 18-bit multipliers, from 10 bits on with 16-bit ones); they get the least number of
    guard bits, and the circuit gets wider products.
    """
    if n not in SIZES:
        raise ValueError(f"tile must be 4, 7, 8 or 16, not {n!r}")
    real = real_matrix(n)
    # A constant of half or more needs one more bit: N = 4 (0.65) and N = 7 (0.53).
    integer_bits = 0 if max(abs(c) for row in real for c in row) < 0.5 else 1
    f = min(sample.width + _CONSTANT_MARGIN, multiplier_width - integer_bits)
    constant = SQ(integer_bits, f)
    matrix = tuple(tuple(_round_away(c * 2**f) for c in row) for row in real)
    inverse = tuple(zip(*matrix, strict=True))

    rows = _fit(matrix, constant, sample, multiplier_width - _HEADROOM.get(n, 1))
    columns = _finish(rows)
    back = _fit(inverse, constant, columns.o, multiplier_width)
    return Transform(
        n=n,
        forward_rows=rows,
        forward_columns=columns,
        inverse_columns=back,
        inverse_rows=_finish(back),
    )


def scan(n: int) -> list[tuple[int, int]]:
    """Coefficients ``(u, v)`` of a tile in the order of the stored stream.

    *u* counts the horizontal frequency, *v* the vertical one. The order is raster over ``(u, v)``,
    *v* fastest: the transform turns rows into columns between its passes, and this is the order in
    which the second pass leaves it.

    >>> scan(4)[:5]
    [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)]
    """
    return [(u, v) for u in range(n) for v in range(n)]


def real_matrix(n: int) -> list[list[float]]:
    """Return the orthonormal DCT-II of *n* points, ``[u][k]``: what the integers stand for."""
    return [[_cosine(n, u, k) for k in range(n)] for u in range(n)]


def _cosine(n: int, u: int, k: int) -> float:
    return math.sqrt((1 if u == 0 else 2) / n) * math.cos((2 * k + 1) * u * math.pi / (2 * n))


def _round_away(x: float) -> int:
    # Symmetric, so that c[u][n-1-k] = ±c[u][k] survives the rounding: butterflies stay exact.
    return int(math.copysign(math.floor(abs(x) + 0.5), x))


def _fit(matrix: Matrix, constant: Q, i: Q, width: int) -> Pass:
    """First pass of a direction, with as many guard bits as fit a multiplier of *width* bits."""
    n = len(matrix)
    whole = holding(*_rounded(_span(matrix, [(i.min, i.max)] * n), constant.f)).width
    guard = min(max(width - whole, _GUARD_MIN), _GUARD_MAX)
    low, high = _rounded(_span(matrix, [(i.min, i.max)] * n), constant.f - guard)
    return Pass(matrix, constant, i, holding(low, high, guard))


def _finish(first: Pass) -> Pass:
    """Second pass of a direction, which rounds to integers."""
    n = len(first.matrix)
    inputs = [(first.i.min, first.i.max)] * n
    # The terms of a second sum come from one row of the matrix, so they share its span.
    spans = [_rounded(_dot(row, inputs), first.shift) for row in first.matrix]
    shift = first.constant.f + first.o.f
    ends = [_rounded(_dot(row, [span] * n), shift) for span in spans for row in first.matrix]
    return Pass(first.matrix, first.constant, first.o, holding(*_union(ends)))


def _dot(row: Sequence[int], spans: Sequence[Range]) -> Range:
    """Range of a sum of products with independent terms: reached at both ends."""
    terms = [sorted((c * low, c * high)) for c, (low, high) in zip(row, spans, strict=True)]
    return sum(low for low, _ in terms), sum(high for _, high in terms)


def _span(matrix: Matrix, spans: Sequence[Range]) -> Range:
    return _union(_dot(row, spans) for row in matrix)


def _union(ranges: Iterable[Range]) -> Range:
    lows, highs = zip(*ranges, strict=True)
    return min(lows), max(highs)


def _rounded(span: Range, shift: int) -> Range:
    return round_shift(span[0], shift), round_shift(span[1], shift)
