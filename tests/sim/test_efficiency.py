"""How much of a line is data, bit by bit in simulation, and how fast bytes are handed over."""

import time

import numpy as np
import pytest

from tilefold.bundle import Site
from tilefold.device import Device
from tilefold.model.codec import encode
from tilefold.model.tiles import cut
from tilefold_hw.device import DEVICES
from tilefold_hw.layer import Layer
from tilefold_hw.table import masked, triangle


def site_of(config, side):
    """Site of all channels that stores about half of what it takes."""
    n = config.tile
    table = masked(n, triangle(n, n * n // 2), 8, 2)
    layer = Layer((side // n) ** 2, (table,), (0,) * config.channels)
    return Site("map", side, side, 1.0, 0, layer)


def maps_of(config, site):
    shape = (config.channels, site.height, site.width)
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.int32)


# What comes out shares the line back with replies; the last tile group comes when all went in, so
# it takes 32 kB until it no longer shows.
@pytest.mark.parametrize(
    ("name", "side"),
    [("icebreaker", 16), pytest.param("ulx3s", 32, marks=pytest.mark.slow)],
)
def test_at_least_80_percent_of_the_line_are_data_that_go_in(name, side):
    config = DEVICES[name].codec
    site = site_of(config, side)
    maps = maps_of(config, site)
    with Device(f"sim://{name}?bits") as device:
        device.place(site)
        start = device.seconds()
        device.encode(maps, site)
        rate = maps.size / (device.seconds() - start)
    assert rate >= 0.8 * DEVICES[name].baud / 10


def test_at_least_80_percent_of_the_line_are_data_that_come_out():
    name = "ulx3s"
    config = DEVICES[name].codec
    site = site_of(config, 16)
    maps = maps_of(config, site)
    words = encode(config, site.layer, cut(maps, config.tile)).words
    with Device(f"sim://{name}?bits") as device:
        device.place(site)
        start = device.seconds()
        restored = device.decode(words, site)
        # A restored sample has room for a sign: two bytes.
        rate = 2 * restored.size / (device.seconds() - start)
    assert rate >= 0.8 * DEVICES[name].baud / 10


@pytest.mark.slow
def test_500_000_bytes_a_second_are_handed_over():
    """Both ways together, as both are used at the same time."""
    config = DEVICES["icebreaker"].codec
    site = site_of(config, 64)
    maps = maps_of(config, site)
    rates = []
    with Device("sim://icebreaker") as device:
        for _ in range(3):
            start = time.process_time()
            words = device.encode(maps, site)
            rates.append((maps.size + words.size) / (time.process_time() - start))
    assert max(rates) >= 500_000, rates
