import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from tilefold.bundle import Bundle
from tilefold_hw.config import preset
from tilefold_sim import verbs
from tilefold_sim.compiled import CompiledCodec
from tilefold_sim.demo import Result, Traffic, stream, unequal

KEYS = {
    "images",
    "maps",
    "words_compared",
    "samples_compared",
    "mismatches",
    "accuracy_float",
    "accuracy_plain",
    "accuracy_compressed",
    "guaranteed_bits_per_value",
    "measured_bits_per_value",
    "cycles_per_sample",
}


def run(directory, *options):
    arguments = ["--directory", str(directory), *options]
    return CliRunner().invoke(verbs.demo, arguments, catch_exceptions=False)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    directory = tmp_path_factory.mktemp("demo")
    return run(directory, "--images", "3"), directory


def test_ends_well(demo):
    result, _ = demo
    assert result.exit_code == 0
    assert "0 mismatches" in result.output


def test_the_summary_keeps_the_promises(demo):
    summary = json.loads((demo[1] / "summary.json").read_text())
    assert set(summary) == KEYS
    assert summary["images"] == 3
    assert summary["maps"] == 12
    assert summary["samples_compared"] > 90_000
    assert summary["words_compared"] > 10_000
    assert summary["mismatches"] == 0
    assert summary["guaranteed_bits_per_value"] == summary["measured_bits_per_value"] <= 4.0
    assert summary["accuracy_float"] > 0.97
    assert summary["accuracy_compressed"] >= summary["accuracy_plain"] - 0.005
    # One sample a cycle, but for the latency of the three maps of each site.
    assert 1 <= summary["cycles_per_sample"] < 1.2


def test_the_picture_is_one(demo):
    picture = (demo[1] / "tiles.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 20_000


def test_the_bundle_is_what_the_hardware_ran_on(demo):
    bundle = Bundle.load(demo[1] / "digits.safetensors", preset("demo"))
    assert [site.name for site in bundle.sites] == ["conv1", "conv2", "conv3", "conv4"]


def test_tells_how_far_it_is(demo):
    for part in ("measuring steps", "compiling the hardware", "streaming through the hardware"):
        assert part in demo[0].output


@pytest.mark.parametrize("what", ["words", "groups", "last"])
def test_one_wrong_bit_is_a_mismatch(what, demo, monkeypatch):
    honest = CompiledCodec.roundtrip

    def lie(self, groups, **how):
        got = honest(self, groups, **how)
        wrong = getattr(got, what).copy()
        wrong.flat[wrong.size // 2] ^= 1
        return replace(got, **{what: wrong})

    monkeypatch.setattr(CompiledCodec, "roundtrip", lie)
    bundle = Bundle.load(demo[1] / "digits.safetensors")
    site = bundle.site("conv4")
    traffic = Traffic(site, site.values)
    shape = (2 * site.layer.groups, bundle.config.pixels, site.layer.channels)
    groups = np.random.default_rng(0).integers(0, 256, shape)
    stream(CompiledCodec(bundle.config), traffic, groups)
    assert traffic.mismatches == 1


def test_a_mismatch_ends_in_status_1(demo, tmp_path, monkeypatch):
    site = Bundle.load(demo[1] / "digits.safetensors").site("conv4")
    blank = np.zeros((site.layer.channels, site.height, site.width), dtype=np.int32)
    traffic = Traffic(site, site.values, 1, 2048, 468, 468, 0, 1, 2300, 4.0, blank, blank)
    bundle = Bundle(preset("demo"), (site,))
    bad = Result(bundle, (traffic,), 1.0, 1.0, 1.0, 1.0)
    monkeypatch.setattr("tilefold_sim.demo.run", lambda *_: bad)
    assert run(tmp_path).exit_code == 1
    assert json.loads((tmp_path / "summary.json").read_text())["mismatches"] == 1


def test_refuses_more_images_than_there_are(tmp_path):
    with pytest.raises(ValueError, match=r"^images must be 1 to 539, not 540$"):
        run(tmp_path, "--images", "540")
    assert not list(tmp_path.iterdir())


def test_unequal_counts_rows_and_lengths():
    a = np.arange(12).reshape(4, 3)
    b = a.copy()
    assert unequal(a, b) == 0
    b[1] = 0
    b[3, 2] = 0
    assert unequal(a, b) == 2
    assert unequal(a[:3], a) == 1
    assert unequal(a[:, :2], a) == 12
