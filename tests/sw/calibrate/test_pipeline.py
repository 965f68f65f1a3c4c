"""The whole way: networks to bundles and back."""

import copy
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from networks import MobileNet, settle
from torch import nn

from tilefold.bundle import Bundle
from tilefold.calibrate.evaluate import evaluate
from tilefold.calibrate.forward import forward
from tilefold.calibrate.methods import METHODS
from tilefold.calibrate.pipeline import begin, calibrate, restore
from tilefold.calibrate.sites import find
from tilefold.demo.train import build
from tilefold.maps import golden, stored
from tilefold_hw.budget import packet_words
from tilefold_hw.config import CodecConfig

CONFIG = CodecConfig(channels=64, tables=64)


def exactly(message):
    return f"^{re.escape(message)}$"


def smooth(count, channels=3):
    """Images that are smooth, as images are."""
    coarse = torch.randn(count, channels, 8, 8, generator=torch.Generator().manual_seed(1))
    return nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")


class Shrinking(nn.Sequential):
    """Two maps of whole tiles, and one of 5 × 5 pixels, which padding makes 64."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 4, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(4, 4, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(4, 32, 3, stride=3, padding=0),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(800, 5),
        )


@pytest.fixture(params=["digits", "mobilenet"])
def begun(request):
    """Network, its study, and what is chosen for 2 bits a value, all made once."""
    return begun_once(request.param)


@cache
def begun_once(name):
    network, channels = {"digits": (build(), 1), "mobilenet": (MobileNet(), 3)}[name]
    study = begin(settle(network), smooth(4, channels), CONFIG)
    return network, study, calibrate(study, 2.0)


@pytest.fixture
def shrinking():
    return begin(Shrinking(), smooth(8), CONFIG)


# There and back


@pytest.mark.parametrize("method", METHODS)
def test_every_method_keeps_the_budget_on_every_network(begun, method):
    _, study, _ = begun
    result = calibrate(study, 3.0, method)
    assert {site.name for site in result.sites} | result.skipped.keys() == {
        each.name for each in find(study.network)
    }
    words = sum(packet_words(CONFIG, site.layer) for site in result.sites)
    values = sum(site.values for site in result.sites)
    assert result.bits == words * 32 / values <= 3.0
    for site in result.sites:
        site.check(CONFIG)


def test_a_bundle_brings_the_network_back(begun, tmp_path):
    network, study, result = begun
    result.bundle().save(tmp_path / "bundle")
    bundle = Bundle.load(tmp_path / "bundle", CONFIG)
    assert bundle.sites == result.sites

    # The weights are the bundle's: those of the network do not matter.
    network = copy.deepcopy(network)
    with torch.no_grad():
        for each in network.parameters():
            each.uniform_(-1, 1)
    graph = restore(network, study.images[:2], bundle)
    before = study.network.state_dict()
    assert all(torch.equal(x, before[name]) for name, x in graph.state_dict().items())
    assert graph.state_dict().keys() == before.keys()
    again, first = (
        evaluate(each, find(each), result.sites, CONFIG, study.images, reference=study.network)
        for each in (graph, study.network)
    )
    assert again == replace(first, damage=again.damage)
    assert {name: each.noise for name, each in again.damage.items()} == {
        name: each.noise for name, each in first.damage.items()
    }


def test_a_bundle_runs_on_the_golden_model(begun):
    _, study, result = begun
    run = stored(result.bundle(), golden(CONFIG))
    by_model = forward(
        study.network,
        study.maps,
        study.images[:2],
        lambda name, maps: torch.from_numpy(run(name, maps.detach().numpy())),
    )
    found = evaluate(study.network, study.maps, result.sites, CONFIG, study.images[:2])
    with torch.no_grad():
        logs = [
            each.double().log_softmax(1) for each in (study.network(study.images[:2]), by_model)
        ]
    expected = (logs[0].exp() * (logs[0] - logs[1])).sum(1).mean()
    assert found.divergence == pytest.approx(float(expected))


def test_a_batch_norm_that_cannot_be_folded_comes_back(tmp_path):
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1)
    )
    network[2].running_mean.uniform_(-1, 1)
    result = calibrate(begin(network, smooth(4), CONFIG), 2.0)
    result.bundle().save(tmp_path / "bundle")
    graph = restore(network, smooth(2), Bundle.load(tmp_path / "bundle"))
    assert torch.equal(graph(smooth(2)), result.study.network(smooth(2)))


def test_a_network_of_fewer_channels_comes_back():
    """As projections leave it: bundles carry the shapes of convolutions."""
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 1))
    fewer = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Conv2d(5, 2, 1, bias=False))
    result = calibrate(begin(fewer, smooth(4), CONFIG), 2.0)
    graph = restore(network, smooth(2), result.bundle())
    assert torch.equal(graph(smooth(2)), result.study.network(smooth(2)))


# What is left alone


def test_maps_that_padding_makes_larger_are_left_as_they_are(shrinking):
    """At high rates, where bits go to all coefficients of padded tiles, too."""
    result = calibrate(shrinking, 7.5, "mask")
    reason = "it would take 8 bits a value or more, which its samples take as they are"
    assert result.skipped == {"4": reason, "7": "no map of pixels in channels, but of shape 5"}
    assert [site.name for site in result.sites] == ["0", "2"]
    # Its samples count in the budget, and what is left is spent.
    left = 32 * 25
    words = sum(packet_words(CONFIG, site.layer) for site in result.sites)
    assert words * 32 + left * 8 <= 7.5 * shrinking.values
    assert result.study.values == shrinking.values - left


def test_maps_that_padding_makes_larger_are_kept_at_low_rates(shrinking):
    result = calibrate(shrinking, 2.0)
    assert [site.name for site in result.sites] == ["0", "2", "4"]


def test_a_map_with_too_many_channels_is_told():
    few = CodecConfig(channels=8, tables=8)
    result = calibrate(begin(Shrinking(), smooth(4), few), 3.0)
    assert result.skipped["4"] == (
        "it has 32 channels, and the hardware room for 8: build with channels = 32"
    )


def test_only_what_is_asked_for_is_compressed():
    result = calibrate(begin(MobileNet(), smooth(4), CONFIG, ("blocks.1.*",)), 3.0)
    assert {site.name.rpartition(".")[0] for site in result.sites} == {
        "blocks.1.expand",
        "blocks.1.filter",
        "blocks.1.project",
    }


# What can't be done


def test_a_network_with_nothing_to_compress():
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 5))
    message = (
        "network must have a map that can be compressed, and has none "
        "(1: no map of pixels in channels, but of shape 5)"
    )
    with pytest.raises(ValueError, match=exactly(message)):
        begin(network, smooth(2), CONFIG)


@pytest.mark.parametrize("bits", [0, -1, 8, np.inf, np.nan])
def test_bits_that_are_no_compression(shrinking, bits):
    message = f"bits must be more than 0 and less than the 8 of a plain sample, not {bits:g}"
    with pytest.raises(ValueError, match=exactly(message)):
        calibrate(shrinking, bits)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1), nn.Conv2d(2, 2, 1)),
            "bundle must be of this network, which does not fit: "
            'Missing key(s) in state_dict: "2.weight", "2.bias".',
        ),
        (
            lambda: nn.Sequential(nn.Conv2d(3, 4, 3)),
            "bundle must be of this network, which does not fit: "
            'Unexpected key(s) in state_dict: "1.weight", "1.bias".',
        ),
        (
            lambda: nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.Conv2d(4, 2, 1)),
            "bundle must be of this network, which has no map '0' of 4 × 30 × 30",
        ),
    ],
)
def test_a_bundle_of_another_network_is_told(other, message):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1))
    bundle = calibrate(begin(network, smooth(4), CONFIG), 2.0).bundle()
    with pytest.raises(ValueError, match=exactly(message)):
        restore(other(), smooth(2), bundle)


def test_a_bundle_that_lacks_a_weight_is_told():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1))
    bundle = calibrate(begin(network, smooth(4), CONFIG), 2.0).bundle()
    tensors = {name: each for name, each in bundle.tensors.items() if name != "0.weight"}
    message = (
        "bundle must be of this network, which does not fit: "
        'Missing key(s) in state_dict: "0.weight".'
    )
    with pytest.raises(ValueError, match=exactly(message)):
        restore(network, smooth(2), replace(bundle, tensors=tensors))
