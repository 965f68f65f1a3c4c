"""Narrowing: fewer channels, the same layers, and bundles that bring them back."""

import re

import pytest

torch = pytest.importorskip("torch")

from networks import settle
from torch import nn

from tilefold.bundle import Bundle
from tilefold.calibrate import narrow
from tilefold.calibrate.narrow import by_ceiling, by_energy
from tilefold.calibrate.pipeline import calibrate, prepare, restore, survey
from tilefold.calibrate.sites import find
from tilefold_hw.config import CodecConfig

CONFIG = CodecConfig(channels=64, tables=64)


def exactly(message):
    return f"^{re.escape(message)}$"


def smooth(count, channels=3):
    coarse = torch.randn(count, channels, 8, 8, generator=torch.Generator().manual_seed(1))
    return nn.functional.interpolate(coarse, scale_factor=2, mode="bilinear")


class Bottleneck(nn.Sequential):
    """The second map is linear, of 12 channels, and no more than 4 of them are independent."""

    def __init__(self, padding=0):
        super().__init__(
            nn.Conv2d(3, 4, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(4, 12, 1, bias=False),
            nn.BatchNorm2d(12),
            nn.Conv2d(12, 8, 3, padding=padding),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, 5),
        )


def shapes(network):
    return {each.name: each.shape[0] for each in find(network)}


@pytest.fixture(params=[0, 1], ids=["valid", "padded"])
def bottleneck(request):
    network = settle(Bottleneck(request.param))
    return network, prepare(network, smooth(2))


# By energy


def test_what_is_linear_keeps_its_rank(bottleneck):
    """Components that hold all energy: the network computes the same."""
    network, graph = bottleneck
    found = by_energy(graph, smooth(8), 1.0)
    # In front of a border of zeros the mean takes a direction of its own.
    kept = 4 + (network[4].padding == (1, 1))
    assert found.channels == {"2": (kept, 12)}
    assert shapes(found.network) == {**shapes(graph), "2": kept}
    torch.testing.assert_close(found.network(smooth(8)), network(smooth(8)), rtol=1e-3, atol=1e-4)


def test_less_energy_takes_fewer_channels(bottleneck):
    _, graph = bottleneck
    some, most = (by_energy(graph, smooth(8), share).channels["2"][0] for share in (0.5, 1.0))
    assert some < most


def test_what_is_not_projected_is_told_with_the_reason(bottleneck):
    _, graph = bottleneck
    assert by_energy(graph, smooth(8), 0.9).left == {
        "0": "0 has no principal components that fold: a nonlinearity is behind it",
        "4": "4 has no principal components that fold: a nonlinearity is behind it",
    }
    assert by_energy(graph, smooth(8), 0.9, ("0",)).channels == {}


def test_a_map_that_needs_all_of_its_components_stays_as_it_is():
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 2, 1), nn.Flatten(), nn.Linear(512, 5))
    found = by_energy(prepare(network, smooth(2)), smooth(8), 1.0)
    assert found.channels == {}
    assert found.left["0"] == "0 needs all of its components for so much energy"


def test_other_networks_tell_why_not(mobilenet):
    network, images = mobilenet
    graph = prepare(network, images)
    found = by_energy(graph, images, 0.9)
    assert found.channels == {}
    assert found.left.keys() == {each.name for each in find(graph) if each.obstacle is None}
    assert found.left["blocks.0.project.0"].startswith("blocks.0.project.0 can't be projected: ")


@pytest.mark.parametrize("share", [0, 1.1, float("nan")])
def test_a_share_that_is_none(bottleneck, share):
    message = f"energy must be more than 0 and at most 1, not {share:g}"
    with pytest.raises(ValueError, match=exactly(message)):
        by_energy(bottleneck[1], smooth(2), share)


# By a ceiling


def test_no_map_is_above_the_ceiling(bottleneck):
    network, graph = bottleneck
    found = by_ceiling(graph, smooth(8), 2, 0.2)
    # Of 3072 values, and of 1568 or 2048.
    assert found.channels == {"2": (6, 12), "4": (6 if network[4].padding == (1, 1) else 7, 8)}
    largest = max(each.values for each in find(graph))
    assert all(each.values <= largest / 2 for each in find(found.network))
    assert found.left == {}


def test_time_is_shared(bottleneck, monkeypatch):
    _, graph = bottleneck
    given = []

    def note(network, kept, statistics, images, first, second, **rest):
        given.append((len(kept), first.seconds, second.seconds))
        return network

    monkeypatch.setattr(narrow, "prochan", note)
    by_ceiling(graph, smooth(8), 2, 60.0)
    ((count, first, second),) = given
    assert (count * first, second) == (30, 30)


def test_a_ceiling_that_no_map_is_above(bottleneck):
    _, graph = bottleneck
    found = by_ceiling(graph, smooth(8), 1, 1.0)
    assert found.network is graph
    assert (found.channels, found.left) == ({}, {})


def test_a_ceiling_that_is_none(bottleneck):
    message = "ceiling must be the largest map over at least 1, not over 0.5"
    with pytest.raises(ValueError, match=exactly(message)):
        by_ceiling(bottleneck[1], smooth(2), 0.5, 1.0)


# Back


@pytest.mark.parametrize("way", ["energy", "ceiling"])
def test_a_bundle_brings_narrow_networks_back(bottleneck, tmp_path, way):
    network, graph = bottleneck
    images = smooth(8)
    found = by_energy(graph, images, 1) if way == "energy" else by_ceiling(graph, images, 2, 0.1)
    result = calibrate(survey(found.network, images, CONFIG), 2.0)
    result.bundle().save(tmp_path / "bundle")
    again = restore(network, images[:2], Bundle.load(tmp_path / "bundle"))
    assert torch.equal(again(images), result.study.network(images))
    assert shapes(again) == shapes(found.network)
