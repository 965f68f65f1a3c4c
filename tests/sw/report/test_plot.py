from dataclasses import replace

import pytest

from tilefold.report.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, plot
from tilefold.report.record import Point, Series


def plotted(report, *points, reference=0.9):
    series = (Series("a", True, tuple(Point(*point) for point in points)),)
    return plot(replace(report, series=series, accuracy_float=reference))


def test_points_stand_where_the_ticks_say(report):
    drawing = plotted(report, (2, 0.7), (4, 0.8), (3, 0.95))
    marks = drawing.lines[0].marks
    places = {float(tick.text): tick.place for tick in drawing.x_ticks}
    assert [mark.x for mark in marks] == [places[2], places[3], places[4]]
    places = {float(tick.text): tick.place for tick in drawing.y_ticks}
    assert [mark.y for mark in marks] == [places[70], places[95], places[80]]
    assert drawing.reference == places[90]


def test_ticks_go_from_edge_to_edge(report):
    drawing = plotted(report, (2, 0.7), (4, 0.8))
    across, up = drawing.x_ticks, drawing.y_ticks
    assert (across[0].place, across[-1].place) == (LEFT, WIDTH - RIGHT)
    assert (up[0].place, up[-1].place) == (HEIGHT - BOTTOM, TOP)


@pytest.mark.parametrize(
    "points",
    [
        [(3.0, 0.9)],
        [(0.0, 0.0), (16.0, 1.0)],
        [(3.001, 0.90001), (3.002, 0.90002)],
        [(0.1, 0.005), (3.3, 0.725)],
    ],
)
def test_all_is_inside_between_round_numbers(report, points):
    drawing = plotted(report, *points)
    for mark in drawing.lines[0].marks:
        assert LEFT <= mark.x <= WIDTH - RIGHT
        assert TOP <= mark.y <= HEIGHT - BOTTOM
    assert TOP <= drawing.reference <= HEIGHT - BOTTOM
    for ticks in (drawing.x_ticks, drawing.y_ticks):
        assert 2 <= len(ticks) <= 8
        assert len({tick.text for tick in ticks}) == len(ticks)


def test_no_two_of_many_methods_look_alike(report):
    series = tuple(Series(f"method {n}", n % 2 == 0, (Point(n, 0.5),)) for n in range(40))
    lines = plot(replace(report, series=series)).lines
    assert len({(line.colour, line.marker) for line in lines}) == 40
