"""The demo's network and its images, as `tilefold calibrate` takes them from anyone.

tilefold calibrate examples/digits.py:network --data examples/digits.py:training --bits 3 -o digits
tilefold evaluate digits examples/digits.py:network --data examples/digits.py:test
"""

import torch
from torch import nn

from tilefold.demo import digits
from tilefold.demo.network import load


def network():
    trained, parts = load(), nn.Sequential()
    for conv in trained.convolutions:
        outputs, inputs, kernel, _ = conv.weight.shape
        layer = nn.Conv2d(inputs, outputs, kernel, conv.stride, kernel // 2)
        parts.add_module(conv.name, filled(layer, conv.weight, conv.bias))
        if conv.relu:
            parts.add_module(f"{conv.name}_relu", nn.ReLU())
    linear = trained.linear
    parts.append(nn.AdaptiveAvgPool2d(1)).append(nn.Flatten())
    return parts.append(filled(nn.Linear(*linear.weight.shape[::-1]), linear.weight, linear.bias))


def filled(layer, weight, bias):
    layer.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
    return layer


def training():
    data = digits.load()
    return data.train_images, data.train_labels


def test():
    data = digits.load()
    return data.test_images, data.test_labels
