"""The demo's network as PyTorch has it, trained, and its digits: to calibrate like any other.

``tilefold calibrate tilefold.demo.trained:network --data tilefold.demo.trained:training …``
"""

from pathlib import Path

from safetensors.torch import load_file
from torch import nn

from . import digits
from .digits import Labelled
from .network import STAGES
from .train import build

_PARTS = {"scale": "weight", "shift": "bias", "mean": "running_mean", "variance": "running_var"}


def network() -> nn.Sequential:
    """Build the network with the weights that ship with it."""
    weights = load_file(Path(__file__).with_name("digits.safetensors"))
    made = build()
    state = made.state_dict()
    for stage in STAGES:
        state[f"{stage.name}.weight"] = weights.pop(f"{stage.name}.weight")
    for name in ("linear.weight", "linear.bias"):
        state[name] = weights.pop(name)
    # What is left is of batch norms. A bottleneck's has no shift: it keeps the zero it has.
    for name, values in weights.items():
        layer, part = name.split(".")
        state[f"{layer}_norm.{_PARTS[part]}"] = values
    made.load_state_dict(state)
    return made.eval()


def training() -> Labelled:
    """Return the images that it was trained on, float32[n, 1, 32, 32], and their labels."""
    found = digits.load()
    return found.train_images, found.train_labels


def test() -> Labelled:
    """Return those held out, float32[m, 1, 32, 32], and their labels."""
    found = digits.load()
    return found.test_images, found.test_labels
