"""A bad line between host and device, and resets of either end: exact in the end, or an error."""

from contextlib import suppress

import numpy as np
import pytest

from tilefold.bundle import Site
from tilefold.device import Device
from tilefold.link import link as module
from tilefold.link.link import TRIES
from tilefold.link.port import open_port
from tilefold.link.window import LinkError
from tilefold.model.codec import encode
from tilefold.model.tiles import cut
from tilefold_sim.cases import random_layer
from tilefold_sim.faults import FaultyPort

URL = "sim://icebreaker"


class BadPort(FaultyPort):
    """A bad line to a device whose button is pressed now and then."""

    def __init__(self, port, rate, seed, bursts, resets):
        super().__init__(port, rate, seed, bursts)
        self._resets = resets
        self._when = np.random.default_rng(seed)

    def read(self, size=1):
        if self._when.random() < self._resets:
            self._port.board.reset()
        return super().read(size)


@pytest.fixture(scope="module")
def port():
    """One simulated device; who opens it next finds it as it was left."""
    return open_port(URL, 3_000_000)


@pytest.fixture
def line(port, monkeypatch):
    """Put a line of some kind in front of the device."""

    def line(*how):
        monkeypatch.setattr(module, "open_port", lambda url, baud: BadPort(port, *how))
        monkeypatch.setattr(port, "close", lambda: None, raising=False)

    return line


def transfers(line, count, rate, bursts=0.0, resets=0.0, departures=0.0):
    """Load a new layer and run maps through it, *count* times; the host leaves now and then."""
    rng = np.random.default_rng(0)
    line(rate, 1, bursts, resets)
    device = Device(URL)
    config = device.config
    for number in range(count):
        layer = random_layer(config, rng, groups=2)
        site = Site("map", config.tile, 2 * config.tile, 1.0, 0, layer)
        shape = (3, layer.channels_in, site.height, site.width)
        maps = rng.integers(config.sample.min, config.sample.max + 1, shape).astype(np.int32)
        if rng.random() < departures:
            # In the middle of something; nobody says goodbye.
            leave(device, maps, site, rng)
            line(rate, number, bursts, resets)
            device = Device(URL)
        words = device.encode(maps, site)
        expected = [encode(config, layer, cut(each, config.tile)).words for each in maps]
        np.testing.assert_array_equal(words, np.concatenate(expected))
    return device.counters()["link"]


def leave(device, maps, site, rng):
    """Begin a transfer and stop at any point of it."""
    steps = int(rng.integers(1, 30))

    def stop(done, total):
        nonlocal steps
        steps -= 1
        if not steps:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        device.encode(maps, site, stop)


RATES = [1e-3, 3e-3, 1e-2]


@pytest.mark.parametrize("rate", RATES)
def test_a_bad_line_is_noticed_and_changes_nothing(line, rate):
    told = transfers(line, 10, rate)
    assert told["resent"] > 0
    assert told["damaged"] > 0


def test_bursts_of_noise_change_nothing(line):
    assert transfers(line, 10, 1e-3, bursts=1e-3)["resent"] > 0


def test_resets_of_either_end_change_nothing(line):
    transfers(line, 20, 1e-3, resets=1e-2, departures=0.3)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("rate", RATES)
def test_a_thousand_transfers_over_a_bad_line_with_resets(line, rate):
    transfers(line, 1000, rate, bursts=rate / 10, resets=5e-4, departures=0.1)


def test_a_line_that_dies_ends_in_an_error(line, port, monkeypatch):
    line(0.0, 0, 0.0, 0.0)
    device = Device(URL)
    monkeypatch.setattr(BadPort, "write", lambda self, data: len(data))
    with pytest.raises(LinkError, match=rf"^nothing answers at {URL} in {TRIES} times 0\.1\d* s:"):
        device.counters()
