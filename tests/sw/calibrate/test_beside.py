import re

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from tilefold.calibrate.beside import Side, on_side, project_beside
from tilefold.calibrate.cost import cost, total
from tilefold.calibrate.fold import fold, unfolded
from tilefold.calibrate.principal import components, principal
from tilefold.calibrate.projection import Pair
from tilefold.calibrate.sites import choose, find
from tilefold.calibrate.statistics import gather
from tilefold.calibrate.trace import trace


def exactly(message):
    return f"^{re.escape(message)}$"


def close(received, expected):
    """Whether two networks' outputs are equal within 1e-5 of the largest."""
    return (received - expected).abs().max() <= 1e-5 * expected.abs().max()


def noise(channels, kept, *, bias=True):
    """Pair of random weights."""
    pair = Pair(torch.randn(kept, channels) / 4, torch.randn(channels, kept) / 4)
    if bias:
        pair = Pair(pair.compress, pair.expand, torch.randn(kept), torch.randn(channels))
    return pair


def whole(channels):
    """Pair that changes nothing: an orthogonal matrix and its transpose."""
    matrix = torch.linalg.qr(torch.randn(channels, channels)).Q
    offset = torch.randn(channels)
    return Pair(matrix, matrix.T, matrix @ offset, -offset)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("network", ["resnet", "digits", "mobilenet"])
def test_every_map_can_be_projected_on_either_side(network, side, request):
    network, example = request.getfixturevalue(network)
    expected = network(example)
    network = trace(network, example)
    maps = choose(find(network))
    for each in maps:
        network = project_beside(network, each.name, whole(each.shape[0]), side)
    received = network(example)
    assert (received - expected).abs().max() <= 1e-4 * expected.abs().max()
    # The maps stored are those there were, and read by the same layers.
    now = choose(find(network))
    assert [(each.name, each.shape, each.readers) for each in now] == [
        (each.name, each.shape, each.readers) for each in maps
    ]
    assert all(each.steps[-1] == f"{each.name}_compress" for each in now)


@pytest.mark.parametrize("side", list(Side))
def test_the_stored_map_has_the_kept_channels(resnet, side):
    network = project_beside(trace(*resnet), "layer2.0.conv2", noise(32, 5), side)
    maps = {each.name: each for each in find(network)}
    assert maps["layer2.0.conv2"].shape == (5, 16, 16)


def test_before_is_in_front_of_the_nonlinearity_and_after_behind_it(resnet):
    network = trace(*resnet)
    steps = {
        side: {each.name: each.steps for each in find(project_beside(*site, side))}[site[1]]
        for side in Side
        for site in [(network, "layer1.0.conv2", noise(16, 4))]
    }
    assert [step.rpartition(".")[2] for step in steps[Side.BEFORE]] == [
        "conv2",
        "bn2",
        "add",
        "conv2_compress",
    ]
    assert [step.rpartition(".")[2] for step in steps[Side.AFTER]] == [
        "conv2",
        "bn2",
        "add",
        "relu#2",
        "conv2_compress",
    ]


def test_what_folds_is_folded_and_the_rest_told(resnet):
    network, example = resnet
    network = trace(network, example)
    for name, channels, side in (
        ("layer1.0.conv1", 16, Side.BEFORE),
        ("layer1.0.conv2", 16, Side.BEFORE),
        ("layer2.0.conv1", 32, Side.AFTER),
        ("layer2.0.conv2", 32, Side.AFTER),
    ):
        network = project_beside(network, name, noise(channels, 7, bias=False), side)
    folded = fold(network)
    assert close(folded(example), network(example))
    assert unfolded(folded) == {
        "layer1.0.conv1_expand": "layer1.0.relu (relu) reads it, and no Conv2d layer",
        "layer1.0.conv2_compress": "layer1.0.add (add) is in front of it, and no Conv2d layer",
        "layer1.0.conv2_expand": "layer1.0.relu#2 (relu) reads it, and no Conv2d layer",
        "layer2.0.conv1_compress": "layer2.0.relu (relu) is in front of it, and no Conv2d layer",
        "layer2.0.conv2_compress": "layer2.0.relu#2 (relu) is in front of it, and no Conv2d layer",
        "layer2.0.conv2_expand": (
            "layer2.0.conv2_expand is read by layer2.1.conv1 and layer2.1.add, and must be by one "
            "alone"
        ),
    }
    layers = dict(folded.named_modules())
    assert layers["layer1.0.conv1"].weight.shape == (7, 16, 3, 3)
    assert layers["layer2.0.conv2"].weight.shape == (32, 7, 3, 3)
    # Folding again changes nothing.
    assert unfolded(fold(folded)) == unfolded(folded)


def test_a_map_without_nonlinearity_folds_on_both_sides(digits):
    network, example = digits
    network = trace(network, example)
    for side in Side:
        # Behind it, conv4 pads with zeros: no bias.
        projected = project_beside(network, "conv3", noise(32, 9, bias=False), side)
        folded = fold(projected)
        assert unfolded(folded) == {}
        assert close(folded(example), projected(example))
        assert total(cost(folded).values()).macs < total(cost(network).values()).macs


def test_a_bias_in_front_of_a_border_of_zeros_stays(digits):
    network, example = digits
    projected = project_beside(trace(network, example), "conv3", noise(32, 9), Side.AFTER)
    folded = fold(projected)
    assert close(folded(example), projected(example))
    assert unfolded(folded) == {
        "conv3_expand": (
            "expand must have no bias in front of conv4, which may pad with zeros: the border "
            "would get the bias, too. Train it without one"
        )
    }


def test_depthwise_neighbours_keep_their_projections(mobilenet):
    network, example = mobilenet
    network = trace(network, example)
    network = project_beside(network, "blocks.0.filter.0", noise(32, 9), Side.BEFORE)
    folded = fold(network)
    assert close(folded(example), network(example))
    assert unfolded(folded) == {
        "blocks.0.filter.0_compress": (
            "blocks.0.filter.0 must read all channels, not each of 32 groups its own"
        ),
        "blocks.0.filter.0_expand": "blocks.0.filter.2 (ReLU6) reads it, and no Conv2d layer",
    }


def test_before_the_nonlinearity_a_map_that_a_pointwise_layer_expands_is_free(mobilenet):
    network, example = mobilenet
    network = trace(network, example)
    expanded = [each for each in choose(find(network)) if each.name.endswith("expand.0")]
    images = torch.randn(16, 3, 32, 32)
    for each in expanded:
        site = on_side(network, each.name, Side.BEFORE)
        assert site.steps == each.steps[:2]  # without the ReLU6
        seen = gather(network, [site], images.split(8))[each.name]
        kept = components(seen, 1.0)
        assert kept <= each.shape[0] // 4  # no more than the layer reads
        projected = project_beside(network, each.name, principal(seen, kept), Side.BEFORE)
        error = (projected(example) - network(example)).abs().max()
        assert error <= 1e-4 * network(example).abs().max()
        folded = fold(projected)
        assert list(unfolded(folded)) == [f"{each.name}_expand"]
        assert folded.get_submodule(each.name).weight.shape[:2] == (kept, each.shape[0] // 4)
    assert len(expanded) == 3


class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.linear = nn.Linear(4 * 16, 2)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv(x)), 2)
        return self.linear(x.view(-1, 64))


def test_a_pool_behind_the_nonlinearity_leaves_nothing_to_store_before_it():
    example = torch.randn(2, 3, 8, 8)
    network = trace(Pooled(), example)
    message = (
        "conv can't be projected before its nonlinearity: max_pool2d (max_pool2d) pools what "
        "comes behind it. Project it after that"
    )
    with pytest.raises(ValueError, match=exactly(message)):
        project_beside(network, "conv", noise(4, 2), Side.BEFORE)
    projected = project_beside(network, "conv", noise(4, 2), Side.AFTER)
    folded = fold(projected)
    assert close(folded(example), projected(example))
    assert list(unfolded(folded)) == ["conv_compress"]
    assert folded.linear.weight.shape == (2, 2 * 16)


class Swish(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 1)
        self.last = nn.Conv2d(4, 4, 1)

    def forward(self, x):
        x = self.first(x)
        return self.last(x * torch.sigmoid(x))


def test_a_product_of_a_map_with_itself_is_a_nonlinearity():
    network = trace(Swish(), torch.randn(2, 3, 8, 8))
    before = project_beside(network, "first", noise(4, 2), Side.BEFORE)
    assert {each.name: each.steps for each in find(before)}["first"] == ("first", "first_compress")
    after = project_beside(network, "first", noise(4, 2), Side.AFTER)
    assert {each.name: each.steps for each in find(after)}["first"] == (
        "first",
        "sigmoid",
        "mul",
        "first_compress",
    )


def test_what_cannot_be_projected_is_told(resnet):
    network = trace(*resnet)
    projected = project_beside(network, "conv1", noise(16, 4), Side.AFTER)
    message = "conv1 can't be projected: it is projected already, by conv1_compress"
    with pytest.raises(ValueError, match=exactly(message)):
        project_beside(projected, "conv1", noise(4, 2), Side.AFTER)
    message = "compress of conv1 must have shape [4, 16], not [4, 8]"
    with pytest.raises(ValueError, match=exactly(message)):
        project_beside(network, "conv1", Pair(torch.zeros(4, 8), torch.zeros(16, 4)), Side.AFTER)
    with pytest.raises(ValueError, match=r"^site must be one that can be compressed, not 'linear'"):
        project_beside(network, "linear", noise(10, 2), Side.AFTER)
