"""The transform in integers: its matrix, and the formats that no input can overflow.

The orthonormal DCT-II of *N* points is a matrix; here its entries are integers worth ``2**-f``. A
two-dimensional transform is two passes of exact integer sums, each rounded once, half up. All
widths follow from the range of the samples by interval arithmetic, which is exact here: the inputs
of every sum are independent, so each bound is reached by some tile.
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

# Guard bits of the format between the passes. Two keep the error under one unit; six bring the
# rounded coefficients within 0.55 of the real ones, and more would not show.
_GUARD_MIN, _GUARD_MAX = 2, 6


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

    Wide samples (13 bits and more at 18-bit multipliers) need a middle format wider than the
    multiplier; they get the least number of guard bits, and the circuit gets wider products.
    """
    if n not in SIZES:
        raise ValueError(f"tile must be 4, 7, 8 or 16, not {n!r}")
    real = [[_cosine(n, u, k) for k in range(n)] for u in range(n)]
    # A constant of half or more needs one more bit: N = 4 (0.65) and N = 7 (0.52).
    integer_bits = 0 if max(map(abs, real[1])) < 0.5 else 1
    f = min(sample.width + _CONSTANT_MARGIN, multiplier_width - integer_bits)
    constant = SQ(integer_bits, f)
    matrix = tuple(tuple(_round_away(c * 2**f) for c in row) for row in real)
    inverse = tuple(zip(*matrix, strict=True))

    # The even/odd butterfly of the forward direction adds a bit in front of the multiplier.
    rows = _fit(matrix, constant, sample, multiplier_width - 1)
    spans = [_rounded(_dot(row, [(sample.min, sample.max)] * n), rows.shift) for row in matrix]
    # Column pass: each row of middle values along u has its own span, the same at every k.
    shift = constant.f + rows.o.f
    low, high = _union(_rounded(_dot(row, [span] * n), shift) for span in spans for row in matrix)
    columns = Pass(matrix, constant, rows.o, holding(low, high))

    back = _fit(inverse, constant, columns.o, multiplier_width)
    low, high = _rounded(_span(inverse, [(back.o.min, back.o.max)] * n), constant.f + back.o.f)
    return Transform(
        n=n,
        forward_rows=rows,
        forward_columns=columns,
        inverse_columns=back,
        inverse_rows=Pass(inverse, constant, back.o, holding(low, high)),
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
