"""Evaluation: its figures, by hand on a network of two answers."""

import math
import re
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from tilefold.calibrate import evaluate as module
from tilefold.calibrate.evaluate import Damage, evaluate
from tilefold.calibrate.pipeline import begin
from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Clip
from tilefold_hw.table import Table

CONFIG = CodecConfig()


def exactly(message):
    return f"^{re.escape(message)}$"


class Means(nn.Sequential):
    """The first map is the image twice, the second time negative; answers are the means of both."""

    def __init__(self):
        super().__init__(nn.Conv2d(1, 2, 1, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        with torch.no_grad():
            self[0].weight.copy_(torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1))


def images(*means):
    """Flat images, with a share of this each."""
    return torch.tensor(means).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8).contiguous()


@pytest.fixture
def study():
    """Study of a network whose map goes from 0 to 255, in units of a sample."""
    return begin(Means(), images(255.0, -255.0), CONFIG)


def stored(study, width, shift):
    """Site that keeps nothing but the DC."""
    (site,) = study.plain.values()
    table = Table((width, *(0,) * 63), (shift, *(0,) * 63))
    return replace(site, layer=replace(site.layer, tables=(table,), index=(0, 0)))


def result(study, site, *means, labels=None, reference=None):
    labels = None if labels is None else torch.tensor(labels)
    return evaluate(
        study.network, study.maps, [site], CONFIG, images(*means), labels, reference=reference
    )


def test_what_is_kept_is_not_damaged(study):
    found = result(study, stored(study, 11, 0), 3.0, -5.0, labels=[0, 1])
    assert (found.images, found.accuracy, found.stored_accuracy) == (2, 1, 1)
    assert (found.agreement, found.divergence, found.drop) == (1, 0, 0)
    damage = found.damage["0"]
    assert (damage.power, damage.noise, damage.decibels) == (64 * (9 + 25), 0, math.inf)
    assert (damage.counts.stored, damage.counts.saturated) == (2 * 2, 0)


def test_accuracy_agreement_and_divergence_by_hand(study):
    """A DC in steps of 64 · 8 = 64 samples from the middle: 0, 64, 128 …"""
    site = stored(study, 11 - 9, 9)
    # -128 + 30 stays at -128 + 0 or + 64: 30 becomes 0, as does 20; 200 becomes 192.
    found = result(study, site, 30.0, -200.0, -20.0, 34.0, labels=[0, 1, 1, 1])
    expected = [(0, 0), (0, 192), (0, 0), (64, 0)]
    floats = [(30, 0), (0, 200), (0, 20), (34, 0)]
    # Of two answers alike the first is taken.
    assert found.accuracy == 3 / 4
    assert found.stored_accuracy == 2 / 4
    assert found.agreement == 3 / 4
    assert found.drop == 1 / 4

    def log_softmax(pair):
        total = math.log(sum(math.exp(each) for each in pair))
        return [each - total for each in pair]

    divergence = 0.0
    for wanted, given in zip(map(log_softmax, floats), map(log_softmax, expected), strict=True):
        divergence += sum(math.exp(p) * (p - q) for p, q in zip(wanted, given, strict=True)) / 4
    assert found.divergence == pytest.approx(divergence)
    damage = found.damage["0"]
    assert damage.power == 64 * (30**2 + 200**2 + 20**2 + 34**2)
    assert damage.noise == 64 * (30**2 + 8**2 + 20**2 + 30**2)
    assert damage.decibels == pytest.approx(10 * math.log10(damage.power / damage.noise))


def test_without_labels_the_answers_are_compared(study):
    found = result(study, stored(study, 2, 9), 30.0, -200.0, -20.0, 34.0)
    assert (found.accuracy, found.stored_accuracy) == (None, None)
    assert found.drop == 1 - found.agreement == 1 / 4


def test_saturated_coefficients_are_counted(study):
    """Of 8 bits without a shift, a DC holds -128 … 127: a mean of 112 to 143 samples."""
    found = result(study, stored(study, 8, 0), 128.0, -255.0, 112.0)
    counts = found.damage["0"].counts
    # Each channel that is zero, at -128, and the second image's.
    assert (counts.stored, counts.saturated) == (6, 3 + 1)


def test_a_reference_is_what_is_compared_with(study):
    other = Means()
    with torch.no_grad():
        other[0].weight.mul_(-1)
    found = result(study, stored(study, 11, 0), 3.0, -5.0, labels=[0, 1], reference=other)
    assert (found.accuracy, found.stored_accuracy, found.agreement) == (0, 1, 0)


def test_batches_add_up(study, monkeypatch):
    site, means = stored(study, 2, 9), (30.0, -200.0, -20.0, 34.0, 100.0)
    whole = result(study, site, *means, labels=[0, 1, 1, 1, 0])
    monkeypatch.setattr(module, "BATCH", 2)
    parts = result(study, site, *means, labels=[0, 1, 1, 1, 0])
    assert parts.divergence == pytest.approx(whole.divergence)
    assert replace(parts, divergence=0, damage={}) == replace(whole, divergence=0, damage={})
    assert parts.damage["0"] == whole.damage["0"]


def test_maps_without_a_site_stay_as_they_are(study):
    found = evaluate(study.network, study.maps, [], CONFIG, images(3.0, -5.0))
    assert (found.agreement, found.divergence, found.damage) == (1, 0, {})


def test_progress_is_told(study):
    told = []
    site = stored(study, 11, 0)
    evaluate(
        study.network,
        study.maps,
        [site],
        CONFIG,
        images(*[1.0] * 65),
        progress=lambda *what: told.append(what),
    )
    assert told == [("evaluating", 0, 65), ("evaluating", 64, 65), ("evaluating", 65, 65)]


def test_a_codec_that_differs_from_the_golden_model_is_found(study, monkeypatch):
    through = module.through

    def off_by_one(site, config, maps, counts=None):
        restored = through(site, config, maps, counts)
        restored[..., -1, -1] += site.scale
        return restored

    monkeypatch.setattr(module, "through", off_by_one)
    with pytest.raises(
        RuntimeError, match=exactly("codec of 0 differs from the golden model: this is a defect")
    ):
        result(study, stored(study, 11, 0), 3.0)


def test_clips_are_those_of_the_site(study):
    site = stored(study, 2, 9)
    clipped = replace(site, layer=replace(site.layer, clip=Clip(0, 100)))
    found = result(study, clipped, 200.0)
    assert found.damage["0"].noise == 64 * 100**2


def test_a_map_of_zeros_has_no_decibels():
    assert Damage().decibels == math.inf


@pytest.mark.parametrize(
    ("count", "labels", "message"),
    [
        (0, None, "images must be at least one, not none"),
        (2, [1], "labels must be 2, one an image, not [1]"),
        (1, [[1]], "labels must be 1, one an image, not [1, 1]"),
    ],
)
def test_images_and_labels_that_do_not_fit(study, count, labels, message):
    with pytest.raises(ValueError, match=exactly(message)):
        result(study, stored(study, 11, 0), *[1.0] * count, labels=labels)
