"""Verbs of calibration, called as users call them."""

import re

import numpy as np
import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch")

from networks import settle
from safetensors.torch import save_model

from tilefold.bundle import Bundle
from tilefold.cli import main
from tilefold.demo.train import build

FILE = """
from torch import nn

from tilefold.demo.train import build


def flat():
    return nn.Sequential(nn.Flatten(), nn.Linear(1024, 10))


def pair():
    class Pair(nn.Module):
        def forward(self, x):
            return x, x

    return Pair()


def number():
    return 7
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Working directory with the digits' network, weights that do something, and data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(FILE)
    network = settle(build())
    save_model(network, "weights.safetensors")
    coarse = torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    images = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")
    with torch.no_grad():
        labels = network(images).argmax(1)
    labels[0] = (labels[0] + 1) % 10
    np.savez("data.npz", images=images.numpy(), labels=labels.numpy())
    np.savez("unlabelled.npz", images=images.numpy())
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, [str(each) for each in arguments])


def calibrate(*arguments, network="net.py:build", data="data.npz", method="topk"):
    options = ("--weights", "weights.safetensors", "--data", data, "--method", method)
    return run("calibrate", network, *options, "-o", "net.bundle", *arguments)


def evaluate(*arguments, data="data.npz"):
    weights = ("--weights", "weights.safetensors", "--data", data)
    return run("evaluate", "net.bundle", "net.py:build", *weights, *arguments)


def figure(pattern, output):
    (found,) = re.findall(pattern, output)
    return float(found)


# What works


def test_a_bundle_is_made_and_evaluated(folder):
    made = calibrate("--bits", "3", method="allocate")
    assert made.exit_code == 0, made.output
    bundle = Bundle.load("net.bundle")
    assert [site.name for site in bundle.sites] == ["conv1", "conv2", "conv3", "conv4"]
    bits = figure(
        r"([\d.]+) bits a value, guaranteed: [\d.]+% less than 8-bit samples", made.output
    )
    assert 2.9 < bits <= 3
    assert "average: left as it is: a single pixel of 32 channels" in made.output
    assert f"net.bundle: the bundle, for configuration {bundle.config.digest[:12]}" in made.output

    found = evaluate()
    assert found.exit_code == 0, found.output
    assert "accuracy in floats: 91.67% of 12 images" in found.output
    for name in ("conv1", "conv2", "conv3", "conv4", "dB", "saturated"):
        assert name in found.output
    same = figure(r"same answer: +([\d.]+)%", found.output)
    assert same >= 80
    assert figure(r"with maps stored: +([\d.]+)%", found.output) <= same


def test_without_labels_answers_are_compared(folder):
    assert calibrate("--ratio", "2", data="unlabelled.npz").exit_code == 0
    found = evaluate("--images", "5", data="unlabelled.npz")
    assert found.exit_code == 0, found.output
    assert "same answer" in found.output
    assert "accuracy" not in found.output


def test_a_ratio(folder):
    made = calibrate("--ratio", "4")
    assert 1.7 < figure(r"([\d.]+) bits a value, guaranteed", made.output) <= 2


def test_a_drop(folder):
    assert calibrate("--drop", "10").exit_code == 0
    found = evaluate().output
    assert figure(r"with maps stored: +([\d.]+)%", found) >= 91.67 - 10


def test_some_maps_only(folder):
    made = calibrate("--bits", "3", "--site", "conv1", "--site", "*4")
    assert made.exit_code == 0, made.output
    assert [site.name for site in Bundle.load("net.bundle").sites] == ["conv1", "conv4"]


def test_tuned_weights_are_in_the_bundle_and_compared_with_the_trained_ones(folder):
    assert calibrate("--bits", "0.5").exit_code == 0
    plain, before = Bundle.load("net.bundle"), evaluate().output
    made = calibrate("--bits", "0.5", "--tune", "0.01", "--tune-images", "8", "--mirror")
    assert made.exit_code == 0, made.output
    tuned, after = Bundle.load("net.bundle"), evaluate().output
    assert tuned.sites == plain.sites
    assert not np.array_equal(tuned.tensors["conv1.weight"], plain.tensors["conv1.weight"])
    # What is compared with is the network as it was trained, in both cases.
    assert "accuracy in floats: 91.67% of 12 images" in before
    assert "accuracy in floats: 91.67% of 12 images" in after


def test_linear_maps_are_projected(folder):
    made = calibrate("--bits", "3", "--project", "0.9")
    assert made.exit_code == 0, made.output
    (kept,) = re.findall(r"conv3: stored as (\d+) of 32 channels", made.output)
    assert Bundle.load("net.bundle").site("conv3").layer.channels == int(kept) < 32
    assert "not projected: conv1 has no principal components that fold" in made.output
    found = evaluate()
    assert found.exit_code == 0, found.output
    assert "accuracy in floats: 91.67% of 12 images" in found.output


def test_no_map_is_above_a_ceiling(folder):
    made = calibrate("--bits", "3", "--ceiling", "2", "--minutes", "0.01")
    assert made.exit_code == 0, made.output
    assert "conv1: stored as 8 of 16 channels" in made.output
    assert Bundle.load("net.bundle").site("conv1").layer.channels == 8
    assert evaluate().exit_code == 0


def test_a_factory_may_load_the_weights_itself(folder):
    (folder / "loaded.py").write_text(
        "from safetensors.torch import load_model\n"
        "from tilefold.demo.train import build\n\n"
        "def network():\n"
        "    made = build()\n"
        "    load_model(made, 'weights.safetensors')\n"
        "    return made\n"
    )
    assert calibrate("--bits", "0.5", "--tune", "0.01").exit_code == 0
    found = run("evaluate", "net.bundle", "loaded.py:network", "--data", "data.npz")
    assert "accuracy in floats: 91.67% of 12 images" in found.output


def test_every_option_has_help():
    for verb in ("calibrate", "evaluate"):
        found = run(verb, "--help")
        assert found.exit_code == 0
        for option in ("--weights", "--data", "--mean", "--deviation", "--images"):
            assert option in found.output


# What does not


def assert_told(result, message):
    """One line that tells what is wrong, and nothing written."""
    assert result.exit_code == 1, result.output
    assert result.output == f"tilefold: error: {message}\n"


@pytest.mark.parametrize(
    ("options", "changed", "message"),
    [
        (
            ("--bits", "9"),
            {},
            "bits must be more than 0 and less than the 8 of a plain sample, not 9",
        ),
        (
            ("--bits", "nan"),
            {},
            "bits must be more than 0 and less than the 8 of a plain sample, not nan",
        ),
        (("--ratio", "1"), {}, "ratio must be more than 1, not 1"),
        (("--drop", "100"), {}, "drop must be 0 % to less than 100 % of the images, not 100.00%"),
        (
            ("--bits", "3"),
            {"data": "gone.npz"},
            "data must be in a file that is there, not 'gone.npz'",
        ),
        (
            ("--bits", "3"),
            {"data": "data.csv"},
            "data must be FILE.npz, a folder of pictures or FILE.py:NAME, not 'data.csv'",
        ),
        (
            ("--bits", "3"),
            {"network": "gone.py:build"},
            "factory must be in a file that is there, not 'gone.py'",
        ),
        (
            ("--bits", "3"),
            {"network": "net.py:bild"},
            "net.py must have the name 'bild', which it has not",
        ),
        (
            ("--bits", "3"),
            {"network": "net.py:number"},
            "net.py:number must return a torch.nn.Module, not int",
        ),
        (
            ("--bits", "3"),
            {"network": "net.py:flat"},
            "weights.safetensors: weights must have a tensor '1.weight'",
        ),
        (
            ("--bits", "3", "--weights", "net.py"),
            {},
            "net.py: weights must be a safetensors file, which can carry no code: write it with "
            "safetensors.torch.save_model(network, FILE)",
        ),
        (
            ("--bits", "3", "--site", "conv9"),
            {},
            "site must be one of conv1, conv2, conv3, conv4, not 'conv9'",
        ),
        (
            ("--bits", "3", "-o", "gone/net.bundle"),
            {},
            "output must be in a folder that is there, not 'gone'",
        ),
        (("--bits", "3", "-o", "."), {}, "output must be a file, not the folder '.'"),
    ],
)
def test_what_cannot_be_calibrated_is_told_in_a_line(folder, options, changed, message):
    before = sorted(folder.iterdir())
    assert_told(calibrate(*options, **changed), message)
    assert [each for each in sorted(folder.iterdir()) if each.name != "__pycache__"] == before


def test_a_budget_that_is_too_small_is_told_with_the_least(folder):
    found = calibrate("--bits", "0.001")
    assert re.fullmatch(
        r"tilefold: error: bits must be at least 0\.\d+ a value, .*, not 0\.001\n", found.output
    )
    assert not (folder / "net.bundle").exists()


def test_networks_without_maps_are_told(folder):
    options = ("--data", "data.npz", "--bits", "3", "-o", "net.bundle")
    assert_told(
        run("calibrate", "net.py:flat", *options),
        "network must have a map that can be compressed, and has none "
        "(1: no map of pixels in channels, but of shape 10)",
    )
    assert_told(
        run("calibrate", "net.py:pair", *options), "network must return one tensor, not tuple"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give one of --bits, --ratio and --drop"),
        (("--bits", "3", "--ratio", "2"), "give one of --bits, --ratio and --drop"),
        (("--bits", "3", "--mirror"), "--tune-images and --mirror need --tune or --ceiling"),
        (
            ("--bits", "3", "--tune-images", "9"),
            "--tune-images and --mirror need --tune or --ceiling",
        ),
        (("--bits", "3", "--project", "1", "--ceiling", "2"), "give one of --project and --ceil"),
        (("--bits", "3", "--tune", "0"), "0.0 is not in the range x>0"),
        (("--bits", "3", "--mean", "a,b"), "'a,b' must be numbers with commas between them"),
        (("--bits", "three"), "'three' is not a valid float"),
        (("--bits", "3", "--method", "magic"), "'magic' is not one of 'allocate', 'mask'"),
        (("--bits", "3", "--images", "0"), "0 is not in the range x>=1"),
    ],
)
def test_options_that_are_wrong_are_told(folder, options, message):
    found = calibrate(*options)
    assert found.exit_code == 2
    assert message in found.output


def test_a_bundle_that_is_none_is_told(folder):
    assert_told(evaluate(), "net.bundle: No such file or directory")
    (folder / "net.bundle").write_bytes((folder / "weights.safetensors").read_bytes())
    found = evaluate()
    assert found.output == (
        "tilefold: error: net.bundle: bundle must say 'tilefold-bundle 1', not None\n"
    )


def test_a_bundle_of_another_network_is_told(folder):
    assert calibrate("--bits", "3").exit_code == 0
    found = run("evaluate", "net.bundle", "net.py:flat", "--data", "data.npz")
    assert found.exit_code == 1
    assert found.output.startswith(
        "tilefold: error: bundle must be of this network, which does not fit: Missing key(s)"
    )
    assert found.output.count("\n") == 1


def test_an_old_bundle_stays_whole_when_calibration_fails(folder):
    assert calibrate("--bits", "3").exit_code == 0
    before = (folder / "net.bundle").read_bytes()
    assert calibrate("--bits", "0.001").exit_code == 1
    assert (folder / "net.bundle").read_bytes() == before
