"""Plot of accuracy against rate: where everything goes; the template draws it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .record import Report, Series

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 16, 52
"""Sizes and margins of the drawing, in units of a pixel at its full size."""

MARKERS = ("circle", "square", "diamond", "up", "down")
COLOURS = 8
"""How many colours the style has; the markers' number has no factor with it."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of a series, and what to say of it."""

    x: float
    y: float
    bits: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Line:
    """A series: its look, and its points by bits."""

    name: str
    guaranteed: bool
    colour: int
    marker: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """Everything in its place."""

    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    #: Where the accuracy in floating point is.
    reference: float


def plot(report: Report) -> Plot:
    """Place the series of a report, which has at least one."""
    points = [point for series in report.series for point in series.points]
    across = _Axis([point.bits for point in points], LEFT, WIDTH - RIGHT)
    up = _Axis(
        [100 * each for each in (report.accuracy_float, *(point.accuracy for point in points))],
        HEIGHT - BOTTOM,
        TOP,
    )

    def line(n: int, series: Series) -> Line:
        marks = tuple(
            Mark(
                across.place(point.bits), up.place(100 * point.accuracy), point.bits, point.accuracy
            )
            for point in sorted(series.points, key=lambda point: (point.bits, point.accuracy))
        )
        marker = MARKERS[n % len(MARKERS)]
        return Line(series.name, series.guaranteed, n % COLOURS, marker, marks)

    return Plot(
        across.ticks(),
        up.ticks(),
        tuple(line(n, series) for n, series in enumerate(report.series)),
        up.place(100 * report.accuracy_float),
    )


class _Axis:
    """An axis from *start* to *end*, whose ends are round numbers around all values."""

    def __init__(self, values: Sequence[float], start: float, end: float):
        low, high = min(values), max(values)
        span = high - low or 1.0
        power = 10.0 ** math.floor(math.log10(span / 5))
        self._step = next(n * power for n in (1, 2, 5, 10) if span / (n * power) <= 6)
        self._first = math.floor(low / self._step)
        self._last = max(math.ceil(high / self._step), self._first + 1)
        self._start, self._end = start, end

    def place(self, value: float) -> float:
        share = (value / self._step - self._first) / (self._last - self._first)
        return round(self._start + share * (self._end - self._start), 2)

    def ticks(self) -> tuple[Tick, ...]:
        digits = max(0, -math.floor(math.log10(self._step) + 1e-9))
        values = (n * self._step for n in range(self._first, self._last + 1))
        return tuple(Tick(self.place(value), f"{value:.{digits}f}") for value in values)
