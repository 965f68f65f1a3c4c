"""The host and the device, whole: what a program sees is the same on every line."""

import numpy as np
import pytest

from tilefold.bundle import Bundle, Site
from tilefold.device import Device
from tilefold.model.codec import decode, encode
from tilefold.model.tiles import cut, group_count, join
from tilefold.session import ConfigMismatch, DeviceError
from tilefold_hw.budget import packet_words
from tilefold_hw.config import preset
from tilefold_sim.cases import random_layer

BYTES, BITS = ("sim://ulx3s", "sim://icebreaker"), ("sim://ulx3s?bits", "sim://icebreaker?bits")

# Of tiles: small where every bit of the line is simulated.
SIDES = {url: (2, 3) if url in BYTES else (1, 2) for url in (*BYTES, *BITS)}

# A whole codec, bit by bit, takes minutes.
LINES = {url: pytest.param(url) for url in SIDES}
LINES["sim://ulx3s?bits"] = pytest.param("sim://ulx3s?bits", marks=pytest.mark.slow)

needs_decoder = pytest.mark.parametrize(
    "device", [line for url, line in LINES.items() if "ulx3s" in url], indirect=True
)


@pytest.fixture(scope="module", params=LINES.values())
def device(request):
    with Device(request.param) as device:
        device.url = request.param
        yield device


def random_site(device, rng, name="map", **how):
    """Site of a random layer: a map whose sides are no multiple of a tile, if it has several."""
    config = device.config
    rows, columns = SIDES[device.url]
    height, width = rows * config.tile - 1, columns * config.tile - 2
    groups = group_count(height, width, config.tile)
    layer = random_layer(config, rng, groups=groups, **how)
    return Site(name, height, width, 0.5, 3, layer)


def random_maps(device, site, rng, count=2):
    sample = device.config.sample
    shape = (count, site.layer.channels_in, site.height, site.width)
    return rng.integers(sample.min, sample.max + 1, shape).astype(np.int32)


def golden_words(device, site, maps):
    config = device.config
    return [encode(config, site.layer, cut(each, config.tile)).words for each in maps]


def golden_maps(device, site, words):
    each = (decode(device.config, site.layer, packet) for packet in words)
    return np.stack([join(groups, site.height, site.width) for groups in each])


def test_maps_are_encoded_as_the_model_says(device):
    rng = np.random.default_rng(0)
    for _ in range(3):
        site = random_site(device, rng)
        maps = random_maps(device, site, rng)
        words = device.encode(maps, site)
        assert len(words) == len(maps) * packet_words(device.config, site.layer)
        np.testing.assert_array_equal(words, np.concatenate(golden_words(device, site, maps)))


@needs_decoder
def test_words_are_decoded_as_the_model_says(device):
    rng = np.random.default_rng(1)
    for _ in range(3):
        site = random_site(device, rng)
        words = golden_words(device, site, random_maps(device, site, rng))
        restored = device.decode(np.concatenate(words), site)
        np.testing.assert_array_equal(restored, golden_maps(device, site, words))
        np.testing.assert_array_equal(device.decode(words[0], site), restored[0])


@needs_decoder
def test_a_roundtrip_goes_through_the_devices_own_store(device):
    rng = np.random.default_rng(2)
    site = random_site(device, rng)
    maps = random_maps(device, site, rng)
    expected = golden_maps(device, site, golden_words(device, site, maps))
    np.testing.assert_array_equal(device.roundtrip(maps, site), expected)
    # The other ways still work behind it, with the layer that is there.
    words = device.encode(maps, site)
    np.testing.assert_array_equal(device.decode(words, site), expected)


def test_a_device_tests_itself(device):
    found = device.selftest(packets=2)
    config = device.config
    assert found.samples == 2 * config.pixels * config.channels
    assert found.cycles >= found.samples // config.lanes
    assert found.samples_per_second == found.samples * found.clock_hz / found.cycles


def test_a_wrong_signature_fails_the_self_test(device, monkeypatch):
    monkeypatch.setattr("tilefold.model.selftest.SIGNATURE", 0)
    monkeypatch.setattr("tilefold.model.selftest.signature.__defaults__", (0,))
    with pytest.raises(
        DeviceError, match=r"^the self-test found other signatures than predicted: words 0x"
    ):
        device.selftest(packets=1)


def test_a_layer_without_a_packet_gives_way_to_the_next(device):
    rng = np.random.default_rng(3)
    first, second = (random_site(device, rng, name) for name in "ab")
    device.place(first)
    device.place(second)
    maps = random_maps(device, second, rng)
    expected = np.concatenate(golden_words(device, second, maps))
    np.testing.assert_array_equal(device.encode(maps, second), expected)


def test_counters_tell_of_the_data(device):
    rng = np.random.default_rng(4)
    site = random_site(device, rng)
    maps = random_maps(device, site, rng)
    before = device.counters()
    words = device.encode(maps, site)
    after = device.counters()
    assert after["encoder"]["words"] - before["encoder"]["words"] == len(words)
    tiles = len(maps) * site.layer.groups * site.layer.channels
    assert after["encoder"]["tiles"] - before["encoder"]["tiles"] == tiles
    assert after["link"] == {
        "damaged": 0,
        "resent": 0,
        "device_damaged": 0,
        "device_dropped": 0,
        "device_wrong": 0,
    }


def test_a_bundle_is_run_by_the_names_of_its_sites(device):
    rng = np.random.default_rng(5)
    sites = tuple(random_site(device, rng, name) for name in ("first", "second"))
    device.load(Bundle(device.config, sites))
    for site in sites:
        maps = random_maps(device, site, rng)
        expected = np.concatenate(golden_words(device, site, maps))
        np.testing.assert_array_equal(device.encode(maps, site.name), expected)
    with pytest.raises(ValueError, match=r"^site must be one of first, second, not 'third'$"):
        device.encode(maps, "third")


def test_what_does_not_fit_is_refused(device):
    rng = np.random.default_rng(6)
    site = random_site(device, rng)
    with pytest.raises(ValueError, match=r"^maps of 'map' must have shape .*, not \(1, 2, 3\)$"):
        device.encode(np.zeros((1, 2, 3), np.int32), site)
    with pytest.raises(ValueError, match=r"^words of 'map' must be uint8\[words, \d\], .*int64"):
        device.decode(np.zeros((3, 4), np.int64), site)
    other = preset("precise")
    with pytest.raises(ConfigMismatch, match=r"^bundle must be for this device: sample_width is 8"):
        device.load(Bundle(other, ()))


def test_a_device_without_a_decoder_says_so():
    with Device("sim://icebreaker") as device:
        device.url = "sim://icebreaker"
        site = random_site(device, np.random.default_rng(0))
        words = np.zeros((packet_words(device.config, site.layer), 2), np.uint8)
        with pytest.raises(
            ConfigMismatch, match=r"^the device at sim://icebreaker has no decoder$"
        ):
            device.decode(words, site)


def test_another_configuration_than_the_devices_is_refused():
    with pytest.raises(
        ConfigMismatch, match=r"^configuration must be for this device: its digest is [0-9a-f]{8}"
    ):
        Device("sim://icebreaker", config=preset("video"))
