"""Networks and weights as users have them, and what is wrong with some."""

import re
import sys

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file, save_model
from torch import nn

from tilefold.calibrate.source import factory, load, network

FILE = """
from __future__ import annotations

from dataclasses import dataclass

from beside_the_factory import WIDTH
from torch import nn


@dataclass
class Sizes:
    width: int = WIDTH


def build():
    return nn.Sequential(nn.Conv2d(3, Sizes().width, 1), nn.BatchNorm2d(Sizes().width))


def build_of(width):
    return nn.Conv2d(3, width, 1)


def number():
    return 7


made = build()
seven = 7
"""


def exactly(message):
    return f"^{re.escape(message)}$"


@pytest.fixture
def path(tmp_path, monkeypatch):
    """File of a user's with factories; it imports another beside it."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    (tmp_path / "beside_the_factory.py").write_text("WIDTH = 4")
    path = tmp_path / "net.py"
    path.write_text(FILE)
    return path


@pytest.fixture
def tied():
    """Network two of whose layers share their weights."""
    made = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1))
    made[2].weight = made[0].weight
    return made


# Factories


def test_a_factory_in_a_file(path):
    made = network(f"{path}:build")
    assert made[0].weight.shape == (4, 3, 1, 1)
    assert not made.training


def test_a_network_that_is_made_already(path):
    assert isinstance(network(f"{path}:made"), nn.Sequential)


def test_a_file_hides_no_module(path):
    path = path.rename(path.with_name("json.py"))
    json = sys.modules.get("json")
    network(f"{path}:build")
    assert sys.modules.get("json") is json


def test_a_factory_in_a_module_of_the_working_directory(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    path.rename(path.with_name("net_of_a_user.py"))
    assert factory("net_of_a_user:seven") == 7


def test_what_a_module_does_not_find_is_told_as_it_is(path, monkeypatch):
    path.with_name("wants_more.py").write_text("import nowhere_at_all")
    monkeypatch.chdir(path.parent)
    with pytest.raises(ModuleNotFoundError, match="No module named 'nowhere_at_all'"):
        factory("wants_more:build")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("{0}", "factory must be FILE.py:NAME or MODULE:NAME, not '{0}'"),
        ("{0}:", "factory must be FILE.py:NAME or MODULE:NAME, not '{0}:'"),
        (":build", "factory must be FILE.py:NAME or MODULE:NAME, not ':build'"),
        ("net.txt/x:build", "factory must be FILE.py:NAME or MODULE:NAME, not 'net.txt/x:build'"),
        ("gone.py:build", "factory must be in a file that is there, not 'gone.py'"),
        ("gone.away:build", "factory must be in a module that is there, not 'gone.away'"),
        ("json.gone:build", "factory must be in a module that is there, not 'json.gone'"),
        ("{0}:bild", "{0} must have the name 'bild', which it has not"),
        ("{0}:seven", "{0}:seven must be a function, not int"),
        ("{0}:number", "{0}:number must return a torch.nn.Module, not int"),
        (
            "{0}:build_of",
            "{0}:build_of must take no arguments, not be missing a required argument: 'width'",
        ),
    ],
)
def test_what_is_no_factory_is_told(path, place, message):
    with pytest.raises(ValueError, match=exactly(message.format(path))):
        network(place.format(path))


# Weights


def test_weights_are_loaded(path, tmp_path):
    other = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    save_model(other, tmp_path / "weights.safetensors")
    made = network(f"{path}:build", tmp_path / "weights.safetensors")
    for name, tensor in made.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])


def test_counts_of_batches_may_be_missing(path, tmp_path):
    state = network(f"{path}:build").state_dict()
    del state["1.num_batches_tracked"]
    save_file(state, tmp_path / "weights.safetensors")
    network(f"{path}:build", tmp_path / "weights.safetensors")


def test_tensors_that_layers_share_are_in_a_file_once(tied, tmp_path):
    expected = tied[0].weight.clone()
    save_model(tied, tmp_path / "weights.safetensors")
    nn.init.zeros_(tied[0].weight)
    load(tied, tmp_path / "weights.safetensors")
    assert torch.equal(tied[0].weight, expected)
    assert tied[2].weight is tied[0].weight


def test_a_pickle_is_refused_with_the_remedy(tmp_path):
    layer = nn.Conv2d(3, 4, 1)
    path = tmp_path / "weights.pt"
    torch.save(layer.state_dict(), path)
    message = (
        f"{path}: weights must be a safetensors file, which can carry no code: write it with "
        "safetensors.torch.save_model(network, FILE)"
    )
    with pytest.raises(ValueError, match=exactly(message)):
        load(layer, path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("bias"), "weights must have a tensor 'bias'"),
        (
            lambda state: state.update(weight=torch.zeros(4, 3, 3, 3)),
            "'weight' must have shape [4, 3, 1, 1], not [4, 3, 3, 3]",
        ),
        (
            lambda state: state.update(scale=torch.zeros(4)),
            "weights must be this network's, which has no 'scale'",
        ),
    ],
)
def test_weights_of_another_network_are_told(tmp_path, change, message):
    layer = nn.Conv2d(3, 4, 1)
    state = layer.state_dict()
    change(state)
    save_file(state, path := tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match=exactly(f"{path}: {message}")):
        load(layer, path)


def test_weights_that_are_nowhere(tmp_path):
    message = f"weights must be in a file that is there, not {str(tmp_path)!r}"
    with pytest.raises(ValueError, match=exactly(message)):
        load(nn.Conv2d(3, 4, 1), tmp_path)
