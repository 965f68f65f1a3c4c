"""What training adds to a comparison."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from networks import MobileNet, settle, smooth

from tilefold.calibrate import compare_training
from tilefold.calibrate.compare import Plan, compare
from tilefold.calibrate.compare_training import LESSONS, Lessons
from tilefold.calibrate.distil import unchanged
from tilefold.calibrate.evaluate import evaluate
from tilefold.calibrate.pipeline import begin, calibrate
from tilefold.calibrate.sites import choose, find
from tilefold_hw.config import CodecConfig


@pytest.fixture
def lessons(begun, tests):
    return Lessons(begun, begun.images, 1.0, unchanged, *tests, (3.0, 1.0))


def taught(name, lessons):
    left_out = []
    return list(LESSONS[name](lessons, left_out, lambda what, done, total: None)), left_out


def test_tuned_weights_take_what_their_tables_take(lessons):
    (line,), left_out = taught("tune", replace(lessons, rates=(3.0, 1.0, 0.01)))
    assert (line.name, line.guaranteed) == ("allocate, tuned", True)
    assert [rate.bits for rate in line.rates] == [
        calibrate(lessons.begun, bits).bits for bits in (3.0, 1.0)
    ]
    (reason,) = left_out
    assert reason.startswith("allocate, tuned, at 0.01 bits: bits must be at least")


def test_tuning_helps(trained):
    network, images = trained
    begun = begin(network, images, CodecConfig())
    labels = begun.network(images).argmax(1)
    at = calibrate(begun, 0.5)
    before = evaluate(begun.network, begun.maps, at.sites, begun.config, images, labels)
    (line,), _ = taught("tune", Lessons(begun, images, 5.0, unchanged, images, labels, (0.5,)))
    assert line.rates[0].accuracy > before.stored_accuracy


def test_projected_maps_are_counted_with_their_channels_and_bits(lessons):
    (two, four), left_out = taught("prochan", lessons)
    assert [each.name for each in (two, four)] == [
        "ProChan, largest map over 2",
        "ProChan, largest map over 4",
    ]
    maps = {each.name: each for each in lessons.begun.maps}
    assert {name: each.shape for name, each in maps.items()} == {"0": (4, 16, 16), "2": (6, 8, 8)}
    for line, kept in ((two, 2), (four, 1)):
        assert line.guaranteed
        assert [rate.setting for rate in line.rates] == [
            f"PACT of {bits} bits" for bits in (8, 4, 2)
        ]
        for rate, bits in zip(line.rates, (8, 4, 2), strict=True):
            taken = kept * 256 * bits + 6 * 64 * 8
            assert rate.bits == rate.worst == taken / (4 * 256 + 6 * 64)
    # The second map has no ReLU, and is above the largest over 4.
    assert left_out == [
        "ProChan, largest map over 4: 2 has no ReLU that PACT could take the place of"
    ]


def test_what_does_not_fold_is_named(monkeypatch, tests):
    monkeypatch.setattr(compare_training, "WIDTHS", (8,))
    torch.manual_seed(0)
    network, images = settle(MobileNet()), torch.randn(8, 3, 32, 32)
    begun = begin(network, images, CodecConfig(channels=64))
    labels = begun.network(images).argmax(1)
    lines, left_out = taught(
        "prochan", Lessons(begun, images, 0.2, unchanged, images, labels, (3.0,))
    )
    assert len(lines) == 2
    assert any("can't be projected" in reason for reason in left_out)


def test_learnt_projections_are_coded_and_not_guaranteed(lessons):
    (line,), left_out = taught("learned", lessons)
    assert (line.name, line.guaranteed, left_out) == ("PCA and Huffman, learnt", False, [])
    assert [rate.setting for rate in line.rates] == ["begun as T = 0.9", "begun as T = 0.85"]
    assert all(0 < rate.bits < rate.worst < 8 for rate in line.rates)


def test_a_comparison_holds_what_was_trained(begun, tests):
    plan = Plan(("mask",), (2.0,), baselines=False, train=("tune", "learned"), minutes=0.005)
    found = compare(begun, *tests, plan, "small", trained_on=smooth(8, seed=2))
    assert [each.name for each in found.lines] == [
        "mask",
        "allocate, tuned",
        "PCA and Huffman, learnt",
    ]


def test_training_leaves_the_study_as_it_was(lessons):
    before = {name: each.clone() for name, each in lessons.begun.network.state_dict().items()}
    for name in LESSONS:
        taught(name, replace(lessons, seconds=0.1))
    after = lessons.begun.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert [each.name for each in choose(find(lessons.begun.network))] == ["0", "2"]


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"train": ("all",)}, "train must be one of tune, prochan, learned, not 'all'"),
        ({"minutes": 0.0}, "minutes must be more than 0, not 0"),
    ],
)
def test_plans_that_are_none(plan, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Plan(**plan)
