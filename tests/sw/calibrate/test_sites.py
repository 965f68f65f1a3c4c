import re

import pytest

torch = pytest.importorskip("torch")

from networks import Branches
from torch import nn

from tilefold.calibrate.sites import ceiling, choose, find, kept_channels
from tilefold.calibrate.trace import trace


def exactly(message):
    return f"^{re.escape(message)}$"


def found(network, *size):
    return {each.name: each for each in find(trace(network, torch.randn(1, *size)))}


def test_resnet_stores_19_maps(resnet):
    maps = find(trace(*resnet))
    chosen = choose(maps)
    assert len(chosen) == 19
    assert [each.shape for each in chosen] == 7 * [(16, 32, 32)] + 6 * [(32, 16, 16)] + 6 * [
        (64, 8, 8)
    ]
    by_name = {each.name: each for each in maps}
    assert by_name["conv1"].steps == ("conv1", "bn1", "relu")
    assert by_name["conv1"].readers == ("layer1.0.conv1", "layer1.0.conv2")
    # The shortcut takes every second pixel of it and adds channels of zeros.
    assert by_name["layer1.2.conv2"].readers == ("layer2.0.conv1", "layer2.0.conv2")
    block = by_name["layer2.0.conv2"]
    assert block.steps == tuple(f"layer2.0.{step}" for step in ("conv2", "bn2", "add", "relu#2"))
    left = {each.name: each.obstacle for each in maps if each.obstacle}
    assert left == {
        "avg_pool2d": "a single pixel of 64 channels, with nothing beside it",
        "linear": "no map of pixels in channels, but of shape 10",
    }


def test_the_digits_network_stores_what_the_demo_says(digits):
    maps = choose(find(trace(*digits)))
    assert [each.name for each in maps] == ["conv1", "conv2", "conv3", "conv4"]
    assert [each.shape for each in maps] == [(16, 32, 32), (32, 16, 16), (32, 16, 16), (32, 8, 8)]
    assert [each.readers for each in maps] == [("conv2",), ("conv3",), ("conv4",), ("average",)]


def test_mobilenet_stores_a_map_for_each_convolution(mobilenet):
    maps = {each.name: each for each in find(trace(*mobilenet))}
    assert len(choose(maps.values())) == 11
    filtered = maps["blocks.0.filter.0"]
    assert filtered.steps == ("blocks.0.filter.0", "blocks.0.filter.1", "blocks.0.filter.2")
    assert filtered.readers == ("blocks.0.project.0",)
    assert maps["blocks.0.project.0"].steps[-1] == "blocks.0.add"
    assert maps["stem.0"].readers == ("blocks.0.expand.0", "blocks.0.project.0")
    # Without a residual, the linear convolution alone.
    assert maps["blocks.1.project.0"].steps == ("blocks.1.project.0", "blocks.1.project.1")


def test_a_concatenation_is_read_as_its_parts():
    maps = found(Branches(), 3, 16, 16)
    assert maps["first"].shape == (8, 8, 8)
    assert maps["first"].steps == ("first", "relu", "pool")
    assert maps["first"].readers == ("left", "right")
    assert maps["left"].readers == maps["right"].readers == ("last",)
    assert maps["last"].readers == ("output",)
    assert len(maps) == 4


class Downsampled(nn.Module):
    """An addition of two convolutions: one of the maps must be stored for it."""

    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3, 2, padding=1)
        self.shortcut = nn.Conv2d(3, 4, 1, 2)

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


def test_an_addition_rides_on_its_last_operand():
    maps = found(Downsampled(), 3, 8, 8)
    assert maps["body"].steps == ("body",)
    assert maps["body"].readers == ("shortcut",)
    assert maps["shortcut"].steps == ("shortcut", "add", "relu")


def test_an_addition_rides_on_who_begins_last_whoever_ends_last():
    class Normed(Downsampled):
        def forward(self, x):
            body, shortcut = self.body(x), torch.relu(self.shortcut(x))
            return shortcut + torch.relu(body)

    maps = found(Normed(), 3, 8, 8)
    assert maps["body"].steps == ("body", "relu#2")
    assert maps["shortcut"].steps == ("shortcut", "relu", "add")


class Ahead(nn.Module):
    """Batch norm and nonlinearity before the convolution, of a map that is added, too."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 1)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 1)

    def forward(self, x):
        x = self.first(x)
        return x + self.second(torch.relu(self.norm(x)))


def test_what_cannot_ride_is_done_while_reading():
    maps = found(Ahead(), 3, 8, 8)
    assert maps["first"].steps == ("first",)
    assert maps["first"].readers == ("second",)
    assert maps["second"].steps == ("second", "add")
    assert len(maps) == 2


class Gated(nn.Module):
    """Squeeze and excitation (Hu et al. 2018)."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 1)
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.excite = nn.Conv2d(4, 4, 1)

    def forward(self, x):
        x = torch.relu(self.first(x))
        return x * torch.sigmoid(self.excite(self.squeeze(x)))


def test_a_gate_multiplies_in_a_pass_of_its_own():
    maps = found(Gated(), 3, 8, 8)
    assert maps["first"].readers == ("squeeze", "mul")
    assert maps["excite"].obstacle == "a single pixel of 4 channels, with nothing beside it"
    assert maps["mul"].shape == (4, 8, 8)
    assert maps["mul"].obstacle is None


class Swish(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 1)
        self.last = nn.Conv2d(4, 4, 1)

    def forward(self, x):
        x = self.first(x)
        x = x * nn.functional.relu6(x + 3) / 6
        return self.last(x)


def test_a_nonlinearity_may_be_a_product():
    maps = found(Swish(), 3, 8, 8)
    assert maps["first"].steps == ("first", "add", "relu6", "mul", "truediv")
    assert maps["first"].readers == ("last",)
    assert len(maps) == 2


def test_a_product_with_a_map_that_others_read_stores_another():
    class Twice(Swish):
        def forward(self, x):
            x = self.first(x)
            return self.last(x * torch.sigmoid(x)) + x

    maps = found(Twice(), 3, 8, 8)
    assert maps["first"].steps == ("first",)
    assert maps["first"].readers == ("mul", "last")
    assert maps["mul"].readers == ("last",)
    assert maps["last"].steps == ("last", "add")


def test_the_unknown_is_left_alone_and_told():
    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(3, 4, 1)

        def forward(self, x):
            return torch.relu(torch.rot90(self.first(x), 1, (2, 3)))

    maps = found(Turned(), 3, 8, 8)
    assert maps["rot90"].obstacle == "made by rot90, which isn't known here"
    assert maps["first"].readers == ("rot90",)


def test_maps_are_chosen_by_name_and_pattern(resnet):
    maps = find(trace(*resnet))
    assert [each.name for each in choose(maps, "conv1", "layer3.2.*")] == [
        "conv1",
        "layer3.2.conv1",
        "layer3.2.conv2",
    ]
    with pytest.raises(ValueError, match=r"^site must be one of conv1, layer1\.0\.conv1, .+, not"):
        choose(maps, "layer4.*")
    message = (
        "site must be one that can be compressed, not 'linear': it is no map of pixels in "
        "channels, but of shape 10"
    )
    with pytest.raises(ValueError, match=exactly(message)):
        choose(maps, "linear")


def test_no_map_exceeds_the_ceiling(resnet):
    maps = find(trace(*resnet))
    # 16,384 values in stage one, 8,192 in stage two, 4,096 in stage three.
    assert ceiling(maps, 1) == {}
    assert set(ceiling(maps, 2).values()) == {2.0}
    assert len(ceiling(maps, 2)) == 7
    ratios = ceiling(maps, 3)
    assert len(ratios) == 13
    for each in maps:
        kept = kept_channels(each, ratios.get(each.name, 1))
        assert kept * each.values // each.shape[0] <= 16384 / 3
    with pytest.raises(
        ValueError, match=exactly("ceiling must be the largest map over at least 1, not over 0.5")
    ):
        ceiling(maps, 0.5)


def test_what_stays_above_the_ceiling_is_told():
    class Wide(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(1, 2, 1)
            self.last = nn.Linear(128, 300)

        def forward(self, x):
            return self.last(torch.flatten(self.first(x), 1))

    maps = find(trace(Wide(), torch.rand(1, 1, 8, 8)))
    message = (
        "maps above the ceiling of 150 values must be such that can be compressed, not 'last': "
        "it is no map of pixels in channels, but of shape 300"
    )
    with pytest.raises(ValueError, match=exactly(message)):
        ceiling(maps, 2)
