"""The verbs of a device, on a simulated board."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from tilefold.bundle import Bundle, Site
from tilefold.cli import main
from tilefold.model.codec import encode
from tilefold.model.tiles import cut
from tilefold_hw.config import preset
from tilefold_hw.device import DEVICES
from tilefold_sim.cases import random_layer

URL = "sim://icebreaker"
CONFIG = DEVICES["icebreaker"].codec


def call(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A bundle of two sites, and its file."""
    rng = np.random.default_rng(0)
    layers = [random_layer(CONFIG, rng, groups=6) for _ in range(2)]
    sites = tuple(
        Site(name, 7, 12, 1.0, 0, layer) for name, layer in zip(("a", "b"), layers, strict=True)
    )
    path = tmp_path_factory.mktemp("bundle") / "net.safetensors"
    made = Bundle(CONFIG, sites)
    made.save(path)
    return made, path


def test_info_tells_what_answers():
    done = call("info", URL, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["digest"] == CONFIG.digest
    assert (told["encoder"], told["decoder"]) == (True, False)
    assert told["config"]["tile"] == CONFIG.tile
    assert told["counters"]["link"]["resent"] == 0
    assert "clock_hz: 24000000" in call("info", URL).stdout


def test_load_tries_each_layer(bundle):
    done = call("load", URL, bundle[1])
    assert done.exit_code == 0, done.output
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["a", "b"]


def test_run_leaves_what_the_model_says(bundle, tmp_path):
    made, path = bundle
    site = made.site("b")
    shape = (site.layer.channels_in, site.height, site.width)
    maps = np.random.default_rng(1).integers(0, 256, shape)
    np.save(tmp_path / "maps.npy", maps)
    out = tmp_path / "words.npy"
    done = call("run", URL, path, "b", tmp_path / "maps.npy", "-o", out, "--encode")
    assert done.exit_code == 0, done.output
    expected = encode(CONFIG, site.layer, cut(maps, CONFIG.tile)).words
    np.testing.assert_array_equal(np.load(out), expected)
    assert done.stdout == f"{out}: uint8{list(expected.shape)}\n"


def test_bench_measures():
    done = call("bench", URL, "--packets", 2)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "a request and its reply",
        "encode",
        "without the link",
    ]
    told = json.loads(call("bench", URL, "--packets", 2, "--json").stdout)
    assert told["decode"] is None
    assert told["samples_per_second"] > 0.5 * DEVICES["icebreaker"].clock_hz


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("info", "/dev/nothing"), "/dev/nothing is not there: is the board plugged in?"),
        (
            ("info", "sim://x"),
            "sim://x can't be opened: device must be a TOML file or one of ulx3s",
        ),
        (
            ("info", URL, "--config", "video"),
            "configuration must be for this device: its digest is",
        ),
    ],
)
def test_bad_input_is_told_in_a_line(arguments, message):
    done = call(*arguments)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"tilefold: error: {message}")
    assert done.stderr.count("\n") == 1


def test_a_bundle_for_another_build_is_refused_and_nothing_is_left(tmp_path):
    config = preset("standard")
    layer = random_layer(config, np.random.default_rng(0), groups=1)
    path = tmp_path / "other.safetensors"
    Bundle(config, (Site("a", 8, 8, 1.0, 0, layer),)).save(path)
    np.save(tmp_path / "maps.npy", np.zeros((layer.channels, 8, 8), np.int64))
    done = call("run", URL, path, "a", tmp_path / "maps.npy", "-o", tmp_path / "out.npy")
    assert done.exit_code == 1
    assert "bundle must be for this device: tile is 4 in the device and 8 in the bundle" in (
        done.stderr
    )
    assert not (tmp_path / "out.npy").exists()


def test_a_file_with_code_in_it_is_not_run(bundle, tmp_path):
    np.save(tmp_path / "maps.npy", np.array([{}], dtype=object), allow_pickle=True)
    done = call("run", URL, bundle[1], "a", tmp_path / "maps.npy", "-o", tmp_path / "out.npy")
    assert done.exit_code == 1
    assert "allow_pickle" in done.stderr
