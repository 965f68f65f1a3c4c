import re

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from tilefold.calibrate.batch_norm import fold_batch_norms
from tilefold.calibrate.cost import cost, total
from tilefold.calibrate.fold import fold
from tilefold.calibrate.neighbours import obstacle
from tilefold.calibrate.project import project
from tilefold.calibrate.sites import choose, find
from tilefold.calibrate.trace import trace


def exactly(message):
    return f"^{re.escape(message)}$"


def close(received, expected):
    """Whether two networks' outputs are equal within 1e-5 of the largest."""
    return (received - expected).abs().max() <= 1e-5 * expected.abs().max()


def projected(network, name, kept, **biases):
    """*network* with a projection of the map *name* to *kept* channels, of random weights."""
    channels = {each.name: each.shape[0] for each in find(network)}[name]
    scale = channels**-0.5
    compress, expand = torch.randn(kept, channels) * scale, torch.randn(channels, kept) * scale
    return project(network, name, compress, expand, **biases)


@pytest.mark.parametrize("network", ["resnet", "digits", "mobilenet"])
def test_no_batch_norm_is_left(network, request):
    network, example = request.getfixturevalue(network)
    folded = fold_batch_norms(trace(network, example))
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())
    assert close(folded(example), network(example))


def test_a_batch_norm_that_others_read_past_stays():
    class Past(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)
            self.norm = nn.BatchNorm2d(4)

        def forward(self, x):
            x = self.conv(x)
            return x + self.norm(x)

    example = torch.randn(2, 3, 4, 4)
    network = Past().eval()
    folded = fold_batch_norms(trace(network, example))
    assert "norm" in dict(folded.named_modules())
    assert close(folded(example), network(example))


def test_resnet_folds_where_no_addition_is_in_the_way(resnet):
    network, example = resnet
    network = trace(network, example)
    refused = {each.name: obstacle(network, each.name) for each in choose(find(network))}
    inner = [f"layer{stage}.{block}.conv1" for stage in (1, 2, 3) for block in (0, 1, 2)]
    assert [name for name, reason in refused.items() if reason is None] == inner
    assert refused["layer1.0.conv2"] == (
        "layer1.0.conv2 can't be projected: layer1.0.add (add) joins it with another map"
    )
    assert refused["conv1"] == (
        "conv1 can't be projected: relu is read by layer1.0.conv1 and layer1.0.add, and must be "
        "by one alone"
    )


def test_folded_equals_unfolded(resnet):
    network, example = resnet
    network = trace(network, example)
    before = total(cost(fold(network)).values())
    for name in ("layer1.0.conv1", "layer2.0.conv1", "layer3.2.conv1"):
        channels = {each.name: each.shape[0] for each in find(network)}[name]
        network = projected(network, name, channels // 2, compress_bias=torch.randn(channels // 2))
    folded = fold(network)
    assert close(folded(example), network(example))
    # No layer is left of the projections, and half of both neighbours is gone.
    shapes = {name: tuple(each.shape) for name, each in folded.named_parameters()}
    assert shapes["layer2.0.conv1.weight"] == (16, 16, 3, 3)
    assert shapes["layer2.0.conv2.weight"] == (32, 16, 3, 3)
    after = total(cost(folded).values())
    assert before.parameters - after.parameters == (
        (16 * 16 * 9 + 8) + (16 * (16 + 32) * 9 + 16) + (64 * 64 * 9 + 32)
    )
    assert before.macs - after.macs == 9 * (16 * 16 * 1024 + 16 * (16 + 32) * 256 + 64 * 64 * 64)


def test_the_unfolded_network_stores_what_the_folded_one_does(resnet):
    network = projected(trace(*resnet), "layer1.0.conv1", 5)
    maps = {each.name: each for each in find(network)}
    assert maps["layer1.0.conv1"].shape == (5, 32, 32)
    assert maps["layer1.0.conv1"].readers == ("layer1.0.conv2",)
    assert [(each.name, each.shape) for each in find(fold(network))] == [
        (each.name, each.shape) for each in maps.values()
    ]


def test_a_map_is_projected_only_once(resnet):
    network = projected(trace(*resnet), "layer1.0.conv1", 5)
    message = (
        "layer1.0.conv1 can't be projected: it is projected already, by layer1.0.conv1_compress"
    )
    with pytest.raises(ValueError, match=exactly(message)):
        project(network, "layer1.0.conv1", torch.zeros(2, 16), torch.zeros(16, 2))


class Pact(nn.Module):
    """Bounded ReLU with a bound that is trained (Choi et al. 2018)."""

    def __init__(self):
        super().__init__()
        self.bound = nn.Parameter(torch.tensor(0.8))

    def forward(self, x):
        return torch.minimum(torch.relu(x), self.bound)


class Swish(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(x)


@pytest.mark.parametrize("nonlinearity", [Pact(), Swish(), nn.Hardswish(), nn.Dropout()])
def test_any_nonlinearity_may_stand_between(nonlinearity):
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nonlinearity, nn.Conv2d(8, 4, 3, padding=1))
    example = torch.randn(2, 3, 16, 16)
    network = projected(trace(network, example), "0", 5, compress_bias=torch.randn(5))
    assert close(fold(network)(example), network(example))


@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 2, "reflect"])
@pytest.mark.parametrize("pool", [nn.Identity(), nn.MaxPool2d(2), nn.AvgPool2d(3, 2, 1)])
def test_any_kernel_stride_and_padding_folds(kernel, stride, padding, pool):
    border = (
        {"padding": 1, "padding_mode": "reflect"} if padding == "reflect" else {"padding": padding}
    )
    network = nn.Sequential(
        nn.Conv2d(3, 6, kernel, stride, **border),
        nn.BatchNorm2d(6),
        nn.PReLU(),
        pool,
        nn.Conv2d(6, 5, kernel, **border),
    )
    example = torch.randn(2, 3, 32, 32)
    biases = {"compress_bias": torch.randn(4)}
    if padding != 2:
        biases["expand_bias"] = torch.randn(6)
    network = projected(trace(network, example), "0", 4, **biases)
    assert close(fold(network)(example), network(example))


def test_a_bias_in_front_of_a_border_of_zeros_is_refused(resnet):
    message = (
        "expand must have no bias in front of layer1.0.conv2, which may pad with zeros: the "
        "border would get the bias, too. Train it without one"
    )
    with pytest.raises(ValueError, match=exactly(message)):
        projected(trace(*resnet), "layer1.0.conv1", 4, expand_bias=torch.zeros(16))


@pytest.mark.parametrize("bias", [False, True])
def test_a_linear_layer_takes_the_projection_of_an_averaged_map(digits, bias):
    network, example = digits
    biases = {"expand_bias": torch.randn(32)} if bias else {}
    network = projected(trace(network, example), "conv4", 7, **biases)
    folded = fold(network)
    assert folded.linear.weight.shape == (10, 7)
    assert close(folded(example), network(example))


def test_a_linear_layer_takes_the_projection_of_a_flattened_map():
    class Flattened(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 6, 3)
            self.linear = nn.Linear(6 * 4, 5)

        def forward(self, x):
            x = nn.functional.max_pool2d(torch.relu(self.conv(x)), 3)
            return self.linear(x.view(-1, 6 * 2 * 2))

    example = torch.randn(2, 3, 8, 8)
    network = projected(
        trace(Flattened(), example),
        "conv",
        2,
        compress_bias=torch.ones(2),
        expand_bias=torch.randn(6),
    )
    folded = fold(network)
    assert folded.linear.weight.shape == (5, 8)
    assert close(folded(example), network(example))


def test_a_map_without_nonlinearity_is_stored_between_both(digits):
    network, example = digits
    network = trace(network, example)
    matrix = torch.linalg.qr(torch.randn(32, 32)).Q
    same = project(network, "conv3", matrix, matrix.T)
    assert close(same(example), network(example))
    network = projected(network, "conv3", 7, compress_bias=torch.randn(7))
    assert {each.name: each.shape for each in find(network)}["conv3"] == (7, 16, 16)
    assert close(fold(network)(example), network(example))


def test_mobilenet_folds_where_no_depthwise_neighbour_is(mobilenet):
    network, example = mobilenet
    network = trace(network, example)
    refused = {each.name: obstacle(network, each.name) for each in choose(find(network))}
    assert [name for name, reason in refused.items() if reason is None] == ["head.0"]
    assert refused["blocks.0.expand.0"] == (
        "blocks.0.expand.0 can't be projected: blocks.0.filter.0 must read all channels, not each "
        "of 32 groups its own"
    )
    assert refused["blocks.0.filter.0"] == (
        "blocks.0.filter.0 can't be projected: blocks.0.filter.0 must read all channels, not each "
        "of 32 groups its own"
    )
    assert refused["blocks.2.project.0"] == (
        "blocks.2.project.0 can't be projected: blocks.2.add (add) joins it with another map"
    )
    network = projected(network, "head.0", 11, expand_bias=torch.randn(32))
    assert close(fold(network)(example), network(example))


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.last = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.last(torch.relu(self.conv(torch.relu(self.conv(x)))))


def sequential(*layers):
    return nn.Sequential(nn.Conv2d(3, 3, 1), *layers)


@pytest.mark.parametrize(
    ("network", "site", "reason"),
    [
        (Shared(), "conv", "conv must be called once, not again with other maps"),
        (sequential(), "0", "it is the network's result, which no convolution reads"),
        (sequential(nn.PReLU(3)), "0", "1 (PReLU) treats its channels differently"),
        (
            sequential(nn.ReLU(), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1)),
            "0",
            "2 (BatchNorm2d) treats its channels differently",
        ),
        (
            sequential(nn.Upsample(scale_factor=2), nn.Conv2d(3, 3, 1)),
            "0",
            "1 (Upsample) reads it, and no Conv2d layer",
        ),
        (
            sequential(nn.Upsample(scale_factor=2), nn.Conv2d(3, 3, 1)),
            "1",
            "1 (Upsample) makes it, and no Conv2d layer",
        ),
        (
            sequential(nn.Flatten(2), nn.Linear(64, 3)),
            "0",
            "1 (Flatten) reads it, and no Conv2d layer",
        ),
    ],
)
def test_what_is_in_the_way_is_named(network, site, reason):
    network = trace(network, torch.randn(1, 3, 8, 8))
    message = f"{site} can't be projected: {reason}"
    with pytest.raises(ValueError, match=exactly(message)):
        project(network, site, torch.zeros(1, 3), torch.zeros(3, 1))


def test_a_mean_of_channels_is_no_mean_of_pixels():
    class Mean(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(8, 8, 1)
            self.linear = nn.Linear(8, 2)

        def forward(self, x):
            return self.linear(self.conv(x).mean((1, 2)))

    network = trace(Mean(), torch.randn(1, 8, 8, 8))
    assert obstacle(network, "conv") == (
        "conv can't be projected: mean (mean) reads it, and no Conv2d layer"
    )


def test_projections_have_the_map_s_channels(resnet):
    message = "compress of layer1.0.conv1 must have shape [4, 16], not [4, 8]"
    with pytest.raises(ValueError, match=exactly(message)):
        project(trace(*resnet), "layer1.0.conv1", torch.zeros(4, 8), torch.zeros(16, 4))
    message = "expand of layer1.0.conv1 must have shape [16, 4], not [4, 16]"
    with pytest.raises(ValueError, match=exactly(message)):
        project(trace(*resnet), "layer1.0.conv1", torch.zeros(4, 16), torch.zeros(4, 16))
    with pytest.raises(ValueError, match=r"^site must be one of conv1, .+, not 'conv9'$"):
        project(trace(*resnet), "conv9", torch.zeros(4, 16), torch.zeros(16, 4))


def test_cost_of_resnet_20(resnet):
    costs = cost(trace(*resnet))
    assert costs["conv1"].macs == 3 * 16 * 9 * 32 * 32
    assert costs["linear"].parameters == 64 * 10 + 10
    # He et al. 2016, table 6: 0.27 million parameters.
    assert total(costs.values()).parameters == 269_722
    assert total(costs.values()).flops == 2 * 40_551_040
