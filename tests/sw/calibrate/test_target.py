"""Targets: ratios, and the lowest rate for a drop."""

import re

import pytest

torch = pytest.importorskip("torch")

from networks import Branches, MobileNet
from torch import nn

from tilefold.calibrate import target
from tilefold.calibrate.evaluate import evaluate
from tilefold.calibrate.pipeline import begin, calibrate
from tilefold.calibrate.target import CLOSE, bits_of_ratio, for_drop
from tilefold_hw.config import CodecConfig

CONFIG = CodecConfig(channels=64, tables=64)


def exactly(message):
    return f"^{re.escape(message)}$"


@pytest.fixture
def study():
    coarse = torch.randn(32, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    images = nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")
    network = nn.Sequential(Branches(), nn.Flatten(), nn.Linear(512, 5))
    return begin(network, images, CONFIG)


def drop_of(study, found, labels=None):
    return evaluate(study.network, study.maps, found.sites, CONFIG, study.images, labels).drop


def test_a_ratio_is_of_plain_samples(study):
    assert bits_of_ratio(study, 2.5) == 8 / 2.5


@pytest.mark.parametrize("ratio", [1, 0.5, float("nan")])
def test_a_ratio_that_is_no_compression(study, ratio):
    with pytest.raises(ValueError, match=exactly(f"ratio must be more than 1, not {ratio:g}")):
        bits_of_ratio(study, ratio)


def test_the_lowest_rate_for_a_drop_is_close(study):
    found = for_drop(study, 0.1)
    assert drop_of(study, found) <= 0.1
    # A little below it is lost more.
    fewer = calibrate(study, found.bits - CLOSE - 0.01)
    assert drop_of(study, fewer) > 0.1


def test_a_larger_drop_takes_fewer_bits(study):
    assert for_drop(study, 0.3).bits < for_drop(study, 0.05).bits


def test_with_labels_accuracy_is_what_may_drop(study):
    """Where all answers are wrong there is nothing to lose, and the least rate will do."""
    with torch.no_grad():
        wrong = (study.network(study.images).argmax(1) + 1) % 5
    found = for_drop(study, 0.0, wrong)
    assert drop_of(study, found, wrong) <= 0
    assert found.bits < for_drop(study, 0.1).bits


def test_every_method_has_a_target(study):
    found = for_drop(study, 0.2, name="mask")
    assert drop_of(study, found) <= 0.2
    assert all(len(site.layer.tables) == 1 for site in found.sites)


def test_a_drop_that_cannot_be_reached(study, monkeypatch):
    class Lost:
        drop = 0.031

    monkeypatch.setattr(target, "evaluate", lambda *args, **kwargs: Lost())
    message = (
        r"drop must be at least 3\.10% with method allocate, which is lost at \d\.\d+ bits a value "
        r"already, not 1\.00%"
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        for_drop(study, 0.01)


@pytest.mark.parametrize(("drop", "told"), [(-0.01, "-1.00%"), (1, "100.00%")])
def test_what_is_no_drop_is_told(study, drop, told):
    message = f"drop must be 0 % to less than 100 % of the images, not {told}"
    with pytest.raises(ValueError, match=exactly(message)):
        for_drop(study, drop)


def test_mobilenet_has_a_target():
    coarse = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    images = nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")
    study = begin(MobileNet(), images, CONFIG)
    assert drop_of(study, for_drop(study, 0.2, name="topk")) <= 0.2
