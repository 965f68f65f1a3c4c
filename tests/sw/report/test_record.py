import re
from dataclasses import replace

import pytest

from tilefold.report.record import Baseline, Heat, Layer, Picture, Point, Series, Skipped


def test_rates_follow_from_words(report):
    first, second = report.layers
    assert report.bits_per_value(first) == 1920 * 32 / (16 * 24 * 40) == 4
    assert report.bits_per_value(second) == pytest.approx(1680 * 32 / (12 * 24 * 40))
    assert report.bits == (1920 + 1680) * 32 / (28 * 24 * 40)
    assert report.share(first) == 1920 / 3600


def test_traffic_counts_a_write_and_all_reads_and_what_is_left_as_it_is(report):
    # The first is read twice, the second and the one that is left once.
    before = 8 * (3 * 16 * 24 * 40 + 2 * 12 * 24 * 40 + 2 * 10)
    after = 32 * (3 * 1920 + 2 * 1680) + 8 * 2 * 10
    assert report.saved == pytest.approx(1 - after / before)


def test_a_baseline_that_takes_more_saves_less_than_nothing():
    assert Baseline("run-length", 16, 20.0, 21.0).saved == -0.25


def message(sentence):
    return f"^{re.escape(sentence)}$"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Baseline("a", 0, 1, 1), "width of a baseline must be 1 or more, not 0"),
        (lambda: Baseline("a", 8, -1, 1), "mean of a baseline must be 0 or more, not -1"),
        (lambda: Baseline("a", 8, 2, 1), "worst of a baseline must be 2 or more, not 1"),
        (lambda: Point(float("nan"), 0.5), "bits of a point must be 0 or more, not nan"),
        (lambda: Point(1, 91.5), "accuracy of a point must be 0 to 1, not 91.5"),
        (lambda: Series("a", True, ()), "series 'a' must have points"),
        (lambda: Skipped("a", (), 1, ""), "shape of a must be sizes from 1 on, not ()"),
        (lambda: Skipped("a", (3, 0), 1, ""), "shape of a must be sizes from 1 on, not (3, 0)"),
        (lambda: Skipped("a", (3,), -1, ""), "reads of a must be 0 or more, not -1"),
        (
            lambda: Picture("a", 0, ((256,),), ((0,),)),
            "grey of a picture of a must be 0 to 255, not 256",
        ),
        (
            lambda: Picture("a", 0, ((0,),), ((0, 1), (0,))),
            "picture of a must have rows of one length, and numbers in them",
        ),
        (
            lambda: Heat("a", ((1.0,),), ((1.0,),), ()),
            "tables of a must have rows of one length, and numbers in them",
        ),
        (
            lambda: Heat("a", ((-1.0,),), ((1.0,),), (1.0,)),
            "tables of a must be 0 to 64, not -1.0",
        ),
    ],
)
def test_rejects_numbers_that_can_not_be(make, sentence):
    with pytest.raises(ValueError, match=message(sentence)):
        make()


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        ({"words": 0}, "words of stem.conv must be 1 or more, not 0"),
        ({"reads": -1}, "reads of stem.conv must be 0 or more, not -1"),
        ({"rms_error": -0.5}, "rms_error of stem.conv must be 0 or more, not -0.5"),
        ({"saturated": 1.5}, "saturated of stem.conv must be 0 to 1, not 1.5"),
        ({"zeros": -0.5}, "zeros of stem.conv must be 0 to 1, not -0.5"),
    ],
)
def test_rejects_a_layer_that_can_not_be(report, others, sentence):
    layer: Layer = report.layers[0]
    with pytest.raises(ValueError, match=message(sentence)):
        replace(layer, **others)


def test_rejects_a_configuration_without_bits(report):
    for name in ("sample_width", "word_width"):
        with pytest.raises(ValueError, match=message(f"{name} must be 1 or more, not 0")):
            replace(report.configuration, **{name: 0})


def test_rejects_a_report_whose_parts_do_not_fit(report):
    first, second = report.layers
    other = replace(first, name="other", baselines=first.baselines[:1])
    names = ["run-length", "Huffman, fitted"]
    for others, sentence in (
        ({"layers": ()}, "layers must be one or more, not none"),
        ({"accuracy": 2}, "accuracy must be 0 to 1, not 2"),
        ({"accuracy_float": -1}, "accuracy_float must be 0 to 1, not -1"),
        (
            {"layers": (first, replace(second, name=first.name))},
            "maps must have names of their own, not 'stem.conv' twice",
        ),
        (
            {"series": report.series * 2},
            "series must have names of their own, not 'tables' twice",
        ),
        (
            {"baselines": report.baselines[:1] * 2},
            "baselines must have names of their own, not 'run-length' twice",
        ),
        (
            {"layers": (*report.layers, other)},
            f"baselines of 'other' must be {names}, not {names[:1]}",
        ),
        (
            {"pictures": (replace(report.pictures[0], layer="head.linear"),)},
            "pictures and tables must be of a layer, not of 'head.linear'",
        ),
        (
            {"heats": (replace(report.heats[0], layer="nowhere"),)},
            "pictures and tables must be of a layer, not of 'nowhere'",
        ),
    ):
        with pytest.raises(ValueError, match=message(sentence)):
            replace(report, **others)
