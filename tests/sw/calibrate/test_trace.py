import re

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from tilefold.calibrate.trace import names, shape, trace


def exactly(message):
    return f"^{re.escape(message)}$"


@pytest.mark.parametrize("network", ["resnet", "digits", "mobilenet"])
def test_the_graph_computes_what_the_network_does(network, request):
    network, example = request.getfixturevalue(network)
    torch.testing.assert_close(trace(network, example)(example), network(example))


def test_the_network_is_left_as_it_was(mobilenet):
    network, example = mobilenet
    network.train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    trace(network, example)
    assert network.training
    assert network.stem[2].inplace
    torch.testing.assert_close(network.state_dict(), before)


def test_names_and_shapes_are_the_network_s_own(resnet):
    network = trace(*resnet)
    named = {name: node for node, name in names(network).items()}
    assert len(named) == len(network.graph.nodes)
    assert shape(named["layer2.0.conv1"]) == (32, 16, 16)
    assert shape(named["layer2.0.add"]) == (32, 16, 16)
    assert shape(named["layer2.0.relu#2"]) == (32, 16, 16)
    assert shape(named["linear"]) == (10,)


def test_a_single_layer_is_a_network():
    network = trace(nn.Conv2d(3, 4, 3), torch.rand(1, 3, 8, 8))
    assert [*names(network).values()][1] == "0"


def test_what_has_a_default_keeps_it():
    class Optional(nn.Module):
        def forward(self, x, twice=False):
            return 2 * x if twice else x + 1

    example = torch.rand(1, 1, 2, 2)
    torch.testing.assert_close(trace(Optional(), example)(example), example + 1)


def test_nothing_works_in_place():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.act = nn.ReLU(inplace=True)

        def forward(self, x):
            x = x - 1
            self.act(x)
            y = x + 2
            y.mul_(3)
            nn.functional.hardtanh(y, -4.0, 4.0, inplace=True)
            return x + y

    example = torch.randn(2, 3, 4, 4)
    network = trace(InPlace(), example)
    torch.testing.assert_close(network(example), InPlace()(example.clone()))
    assert [node.name for node in network.graph.nodes if node.op == "call_method"] == ["mul_"]
    assert {node.target for node in network.graph.nodes if node.op == "call_method"} == {"mul"}


class Choosy(nn.Module):
    def forward(self, x):
        if x.sum() > 0:
            return x
        return -x


class Ragged(nn.Module):
    def forward(self, x):
        x = x + 1
        x[:, 0] = 0
        return x


class Filling(nn.Module):
    def forward(self, x):
        x = x + 1
        x.zero_()
        return x


class Writing(nn.Module):
    def forward(self, x):
        x = x + 1
        x[:, :1].mul_(2)
        return x


class Two(nn.Module):
    def forward(self, x):
        return x, x


@pytest.mark.parametrize(
    ("network", "error", "message"),
    [
        (
            nn.Sequential(nn.Conv2d(3, 3, 1), Choosy()),
            ValueError,
            r"network must do the same whatever its input, not decide by data: 1 \(line \d+ of "
            r"test_trace.py: `if x.sum\(\) > 0:`\) can't be traced \(.+\)\. Decide it in "
            r"__init__, or give the network without that step",
        ),
        (
            Ragged(),
            ValueError,
            r"network must do the same .* Ragged \(line \d+ of test_trace.py: `x\[:, 0\] = 0`\) "
            r"can't be traced .*",
        ),
        (
            Filling(),
            ValueError,
            r"network must make new maps, not write into one: zero_ does\. Use torch\.cat, "
            r"torch\.where or nn\.functional\.pad there",
        ),
        (
            Writing(),
            ValueError,
            r"graph must compute what the network does, not differ by .* where outputs go up to "
            r".*: the network has to do the same each time, and to write into no part of a map",
        ),
        (Two(), ValueError, r"network must return one tensor, not tuple"),
        (
            nn.Conv2d(5, 3, 1),
            ValueError,
            r"network must take inputs of shape \[1, 3, 4, 4\], not refuse them: .*",
        ),
    ],
)
def test_what_cannot_be_traced_is_told(network, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        trace(network, torch.rand(1, 3, 4, 4))
