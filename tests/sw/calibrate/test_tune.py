"""Tuning: weights learn to do with what tables keep."""

import re

import pytest

torch = pytest.importorskip("torch")

from networks import MobileNet, settle
from torch import nn

from tilefold.bundle import Bundle
from tilefold.calibrate import tune as module
from tilefold.calibrate.distil import Training
from tilefold.calibrate.evaluate import evaluate
from tilefold.calibrate.pipeline import begin, calibrate, restore
from tilefold.calibrate.tune import mirrored, tune
from tilefold_hw.config import CodecConfig

CONFIG = CodecConfig(channels=64, tables=64)
SHORT = Training(epochs=1, batch=4)


def smooth(count, channels=3, seed=1):
    coarse = torch.randn(count, channels, 8, 8, generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")


def exactly(message):
    return f"^{re.escape(message)}$"


def telling(network, last):
    """Let answers differ from image to image, as they do after a training."""
    with torch.no_grad():
        last.weight.mul_(3 / network(smooth(8)).std(0).mean())
        last.bias.sub_(network(smooth(8)).mean(0))


@pytest.fixture
def small():
    """Small network, calibrated."""
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 5),
    )
    telling(settle(network), network[-1])
    return network, calibrate(begin(network, smooth(8), CONFIG), 1.0)


def divergence(result, network, images):
    study = result.study
    return evaluate(
        study.network, study.maps, result.sites, CONFIG, images, reference=network
    ).divergence


def test_tuning_brings_back_what_the_digits_lose(trained):
    """On digits that it was not tuned on."""
    network, images = trained
    before = calibrate(begin(network, images[:32], CONFIG), 0.3, "topk")
    after = tune(before, images[:96], Training(epochs=1, batch=8, rate=1e-3))
    unseen = images[-32:]
    assert divergence(after, network, unseen) < 0.8 * divergence(before, network, unseen)
    assert (after.sites, after.bits) == (before.sites, before.bits)


def test_other_networks_are_tuned_too():
    network = settle(MobileNet())
    telling(network, network.classifier[1])
    before = calibrate(begin(network, smooth(8), CONFIG), 1.0, "topk")
    after = tune(before, smooth(8), Training(epochs=8, batch=8, rate=3e-5))
    assert divergence(after, network, smooth(8)) < divergence(before, network, smooth(8))


def test_weights_and_biases_are_tuned_in_a_copy(small):
    _, before = small
    kept = {name: each.clone() for name, each in before.study.network.state_dict().items()}
    after = tune(before, smooth(8), SHORT)
    assert all(
        torch.equal(each, kept[name]) for name, each in before.study.network.state_dict().items()
    )
    for name, each in after.study.network.state_dict().items():
        assert not torch.equal(each, kept[name]), name
    assert not any(each.grad is not None for each in after.study.network.parameters())


def test_every_map_goes_through_its_own_tables(small, monkeypatch):
    _, before = small
    seen = []

    def note(site, config, maps):
        seen.append((site, config, maps.requires_grad))
        return maps

    monkeypatch.setattr(module, "through", note)
    tune(before, smooth(4), SHORT)
    assert seen == [(site, CONFIG, True) for site in before.sites]


def test_the_teacher_is_the_network_in_floats(small, monkeypatch):
    """With nothing stored, there is nothing to learn."""
    _, before = small
    losses = []
    monkeypatch.setattr(
        module, "train", lambda network, weights, loss, *rest: losses.append(loss(smooth(8)))
    )
    tune(before, smooth(8), SHORT)
    monkeypatch.setattr(module, "through", lambda site, config, maps: maps)
    tune(before, smooth(8), SHORT)
    stored, plain = losses
    assert stored > 1e-3 > 1e-6 > abs(plain)


def test_the_same_seed_gives_the_same_weights(small):
    _, before = small
    first, again, other = (
        tune(before, smooth(8), Training(1, 4, seed=seed), mirrored).study.network.state_dict()
        for seed in (1, 1, 2)
    )
    assert all(torch.equal(each, again[name]) for name, each in first.items())
    assert not all(torch.equal(each, other[name]) for name, each in first.items())


def test_a_bundle_carries_the_tuned_weights(small, tmp_path):
    network, before = small
    after = tune(before, smooth(8), SHORT)
    after.bundle().save(tmp_path / "bundle")
    graph = restore(network, smooth(2), Bundle.load(tmp_path / "bundle"))
    assert torch.equal(graph(smooth(2)), after.study.network(smooth(2)))
    assert not torch.equal(graph(smooth(2)), network(smooth(2)))


def test_every_other_image_is_mirrored():
    images = smooth(64)
    found = mirrored(images, torch.Generator().manual_seed(0))
    flipped = [torch.equal(each, image.flip(2)) for each, image in zip(found, images, strict=True)]
    same = [torch.equal(each, image) for each, image in zip(found, images, strict=True)]
    assert 16 <= sum(flipped) <= 48
    assert [not each for each in flipped] == same


def test_images_that_do_not_fit_are_told(small):
    _, before = small
    with pytest.raises(ValueError, match=exactly("images must be at least one, not none")):
        tune(before, smooth(0), SHORT)
    message = "images must have shape [n, 3, 32, 32], not [4, 1, 32, 32]"
    with pytest.raises(ValueError, match=exactly(message)):
        tune(before, smooth(4, 1), SHORT)
