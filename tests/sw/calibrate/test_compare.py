"""Comparisons: methods and baselines on the same maps and images."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from networks import smooth

from tilefold.calibrate.clip import RULES
from tilefold.calibrate.compare import Plan, compare
from tilefold.calibrate.evaluate import evaluate
from tilefold.calibrate.methods import METHODS
from tilefold.calibrate.pipeline import begin, calibrate, chosen
from tilefold.report.comparison import Comparison
from tilefold.report.plain import dump, parse
from tilefold_hw.budget import packet_words
from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Clip

QUICK = Plan(("allocate", "mask"), (4.0, 2.0))


@pytest.fixture
def found(begun, tests):
    return compare(begun, *tests, QUICK, "small")


def lines(comparison):
    return {each.name: each for each in comparison.lines}


def test_all_that_was_asked_for_is_there(found):
    assert list(lines(found)) == [
        "allocate",
        "mask",
        "run-length",
        "sparsity map",
        "zero-value",
        "Huffman, adaptive",
        "Huffman, fitted",
        "PCA and Huffman",
        "PCA and Huffman, greedy",
    ]
    assert (found.images, found.tests, found.accuracy_float) == (16, 12, 1.0)
    assert [rate.setting for rate in lines(found)["mask"].rates] == ["4 bits", "2 bits"]
    assert [rate.setting for rate in lines(found)["run-length"].rates] == [
        f"{width}-bit samples" for width in (8, 6, 5, 4, 3)
    ]
    settings = [rate.setting for rate in lines(found)["PCA and Huffman"].rates]
    assert settings == ["T = 0.99", "T = 0.97", "T = 0.9"]
    assert [each.name for each in found.maps] == ["0", "2"]
    assert [each.name for each in found.maps[0].baselines] == [
        each.name for each in found.baselines
    ]


def test_ours_are_guaranteed_and_others_have_a_worst_image(found):
    for line in found.lines:
        ours = line.name in METHODS
        assert line.guaranteed == ours
        assert all((rate.worst == rate.bits) == ours for rate in line.rates)
    for name in QUICK.methods:
        for asked, rate in zip(QUICK.bits, lines(found)[name].rates, strict=True):
            assert 0.7 * asked < rate.bits <= asked


def test_each_rate_is_what_calibration_and_evaluation_say(begun, tests, found):
    images, labels = tests
    at = calibrate(begun, 2.0)
    expected = evaluate(begun.network, begun.maps, at.sites, begun.config, images, labels)
    rate = lines(found)["allocate"].rates[1]
    assert (rate.bits, rate.accuracy) == (at.bits, expected.stored_accuracy)


def test_it_is_the_same_again_and_survives_json(begun, tests, found):
    assert compare(begun, *tests, QUICK, "small") == found
    assert parse(Comparison, dump(found)) == found


def test_baselines_can_be_left_out(begun, tests):
    found = compare(begun, *tests, replace(QUICK, baselines=False), "small")
    assert list(lines(found)) == ["allocate", "mask"]
    assert (found.maps, found.baselines) == ((), ())


def test_rates_that_cannot_be_reached_are_told(begun, tests):
    found = compare(begun, *tests, Plan(("mask",), (0.01, 2.0)), "small")
    assert [rate.setting for rate in lines(found)["mask"].rates] == ["2 bits"]
    assert [each.partition(": ")[0] for each in found.left_out] == [
        "mask at 0.01 bits",
        "PCA and Huffman, greedy at 0.01 bits",
    ]
    assert "must be at least" in found.left_out[0]


def test_rates_follow_from_the_samples_where_none_are_asked_for(begun, tests):
    found = compare(begun, *tests, Plan(("mask",), baselines=False), "small")
    settings = [rate.setting for rate in found.lines[0].rates]
    assert settings == ["4 bits", "3 bits", "2.5 bits", "2 bits", "1.5 bits"]


def test_clips_are_chosen_as_asked(begun, tests):
    plan = Plan(("mask",), (2.0,), ("measured", "zero", "none"), baselines=False)
    found = compare(begun, *tests, plan, "small")
    assert list(lines(found)) == ["mask", "mask, clipped at zero", "mask, not clipped"]
    choose = METHODS["mask"](begun, lambda what, done, total: None)
    clips = {
        name: [site.layer.clip for site in chosen(begun, choose, 2.0, "mask", rule=rule).sites]
        for name, rule in RULES.items()
    }
    # The second map has a sign.
    assert clips["zero"] == [Clip(0), Clip()]
    assert clips["none"] == [Clip(), Clip()]


def test_maps_that_are_left_as_they_are_count_in_the_rate():
    """A map of 2 × 2 pixels is padded to 8 × 8: with three coefficients it is no smaller."""
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, padding=1),
        torch.nn.Conv2d(4, 4, 8, 8),
        torch.nn.Flatten(),
        torch.nn.Linear(16, 5),
    )
    begun = begin(network, smooth(8), CodecConfig())
    images = smooth(4, seed=1)
    labels = torch.zeros(4, dtype=torch.int64)
    found = compare(begun, images, labels, Plan(("mask",), (5.0,), baselines=False), "padded")
    at = calibrate(begun, 5.0, "mask")
    assert [site.name for site in at.sites] == ["0"]
    words = packet_words(begun.config, at.sites[0].layer)
    expected = (words * 32 + 4 * 2 * 2 * 8) / (4 * 16 * 16 + 4 * 2 * 2)
    assert found.lines[0].rates[0].bits == pytest.approx(expected)


def test_images_without_labels(begun, tests):
    with pytest.raises(ValueError, match=r"^test images must have labels, to tell accuracy: give"):
        compare(begun, tests[0], None, QUICK, "small")


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"bits": (2.0, 0.0)}, "bits must be more than 0 a value, not 0"),
        ({"clips": ("some",)}, "clip must be one of measured, zero, none, not 'some'"),
        ({"methods": ("magic",)}, "method must be one of allocate, .*, not 'magic'"),
    ],
)
def test_plans_that_are_none(plan, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Plan(**plan)
