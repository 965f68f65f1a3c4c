from dataclasses import replace
from xml.etree import ElementTree

import pytest

from tilefold.report.comparison import Coded, Comparison, Line, Rate
from tilefold.report.plain import dump, parse
from tilefold.report.record import Baseline, Point, Series

BASELINES = (Baseline("run-length", 8, 6.5, 9.25),)


@pytest.fixture
def comparison():
    return Comparison(
        network="SmallNet",
        digest="0123456789abcdef" * 4,
        sample_width=8,
        images=16,
        tests=12,
        accuracy_float=0.9,
        lines=(
            Line("allocate", True, (Rate("3 bits", 2.99, 2.99, 0.85), Rate("2", 1.9, 1.9, 0.5))),
            Line("run-length", False, (Rate("8-bit samples", 6.5, 9.25, 0.9),)),
            Line("topk", True, ()),
        ),
        left_out=("topk at 3 bits: no",),
        maps=(Coded("conv", (4, 8, 8), 0.25, BASELINES),),
        baselines=BASELINES,
    )


def test_it_survives_json(comparison):
    assert parse(Comparison, dump(comparison)) == comparison


def test_series_have_the_means_and_leave_out_what_has_no_points(comparison):
    assert comparison.series == (
        Series("allocate", True, (Point(2.99, 0.85), Point(1.9, 0.5))),
        Series("run-length", False, (Point(6.5, 0.9),)),
    )


def test_saved_is_of_plain_samples(comparison):
    assert comparison.saved(2.0) == 0.75
    assert comparison.saved(10.0) == -0.25


def test_a_picture_shows_all_lines_and_is_the_same_for_the_same_figures(comparison, tmp_path):
    pytest.importorskip("matplotlib")
    from tilefold.report.rates import draw

    for name in ("a", "b"):
        draw(comparison, tmp_path / f"{name}.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    texts = "".join(ElementTree.parse(tmp_path / "a.svg").getroot().itertext())
    for text in ("allocate (guaranteed)", "run-length (mean)", "floating point", "bits a value"):
        assert text in texts
    assert "topk" not in texts


def test_what_loses_most_lies_below_the_picture(comparison, tmp_path):
    pytest.importorskip("matplotlib")
    from tilefold.report.rates import draw

    draw(comparison, tmp_path / "it.svg")
    texts = list(ElementTree.parse(tmp_path / "it.svg").getroot().itertext())
    ticks = [float(text) for text in texts if text.strip().replace(".", "").isdigit()]
    assert max(tick for tick in ticks) >= 90
    assert not any(20 < tick < 70 for tick in ticks)  # allocate loses 40 points at 2 bits


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample_width": 0}, "sample_width must be 1 to 16, not 0"),
        ({"accuracy_float": 1.5}, "accuracy_float must be 0 to 1, not 1.5"),
    ],
)
def test_comparisons_that_are_none(comparison, changes, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        replace(comparison, **changes)


def test_lines_with_one_name(comparison):
    with pytest.raises(ValueError, match=r"^lines must have names of their own, not 'topk' twice$"):
        replace(comparison, lines=(Line("topk", True, ()), Line("topk", False, ())))


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        ((3.0, 2.0, 0.5), "bits must be 0 to the worst, 2, not 3"),
        ((-1.0, 2.0, 0.5), "bits must be 0 to the worst, 2, not -1"),
        ((1.0, 2.0, 1.5), "accuracy must be 0 to 1, not 1.5"),
    ],
)
def test_rates_that_are_none(rate, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Rate("some", *rate)
