"""The error of the transform: how far its integers can be from the real DCT, proved.

Rounding the constants changes a sum by an amount that is linear in independent inputs, so its
largest value is known and reached. Each rounding of a pass adds at most half a unit of the format
behind it, times what the next pass makes of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .fixed import Q
from .transform import Transform, real_matrix

Values = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class ErrorBound:
    """Most by which a result can be off, rounding to an integer (0.5) included.

    The bounds are computed in double precision, which is good for six digits.
    """

    #: A coefficient against the real DCT of the same samples.
    forward: float
    #: A restored sample against the real inverse DCT of the same coefficients. These may be any
    #: that the format holds; most such tiles lie far outside the range of a sample.
    inverse: float
    #: A sample against itself, sent there and back with no coefficient rounded in between.
    round_trip: float


def error_bound(transform: Transform) -> ErrorBound:
    """Bounds of *transform*, whatever the input.

    Held by ``test_error_is_within_the_proved_bound`` and its like in ``tests/sw/test_dct.py``.
    """
    t = transform
    n = t.n
    real = real_matrix(n)
    there = [[c / 2**t.forward_rows.constant.f for c in row] for row in t.forward_rows.matrix]
    back = _transpose(there)
    half_there, half_back = (0.5 / 2**q.f for q in (t.forward_rows.o, t.inverse_columns.o))
    # A rounding between the passes reaches all sums of the second one.
    rounded = [half_there * gain + 0.5 for gain in _gains(there)]
    restored = [half_back * gain + 0.5 for gain in _gains(back)]
    # The way back passes on what the way there has rounded, through both of its passes.
    passed = max(sum(abs(c) * e for c, e in zip(row, rounded, strict=True)) for row in back)
    returned = [passed * gain + e for gain, e in zip(_gains(back), restored, strict=True)]
    both = [[sum(map(float.__mul__, a, b)) for b in back] for a in back]
    unit = [[float(a == b) for b in range(n)] for a in range(n)]
    return ErrorBound(
        forward=_bound(there, real, t.forward_rows.i, rounded),
        inverse=_bound(back, _transpose(real), t.inverse_columns.i, restored),
        round_trip=_bound(both, unit, t.forward_rows.i, returned),
    )


def _bound(values: Values, real: Values, i: Q, roundings: Sequence[float]) -> float:
    """Bound for passes with *values* in place of *real*, row *n* rounded by ``roundings[n]``."""
    rows = [list(zip(a, b, strict=True)) for a, b in zip(values, real, strict=True)]
    worst = 0.0
    for second, rounding in zip(rows, roundings, strict=True):
        for first in rows:
            # How much too heavy or too light each input weighs.
            off = sum(abs(c * d - r * s) for c, r in second for d, s in first)
            worst = max(worst, rounding + off * -i.min)
    return worst


def _gains(values: Values) -> list[float]:
    """Most by which each sum of a pass can grow over its inputs."""
    return [sum(map(abs, row)) for row in values]


def _transpose(values: Values) -> Values:
    return list(zip(*values, strict=True))
