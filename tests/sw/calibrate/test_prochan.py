import re

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from tilefold.calibrate.distil import Training
from tilefold.calibrate.fold import fold, unfolded
from tilefold.calibrate.learned import Loss
from tilefold.calibrate.pact import Pact, unrounded
from tilefold.calibrate.prochan import bound, plan, prochan
from tilefold.calibrate.sites import ceiling, choose, find
from tilefold.calibrate.statistics import gather
from tilefold.calibrate.trace import trace


def exactly(message):
    return f"^{re.escape(message)}$"


def close(received, expected):
    """Whether two networks' outputs are equal within 1e-5 of the largest."""
    return (received - expected).abs().max() <= 1e-5 * expected.abs().max()


def plain(name, maps):
    return maps


SHORT = Training(2, 16, 3e-3)


def test_the_ceiling_of_resnet_is_planned_where_it_folds(resnet):
    network = trace(*resnet)
    kept, left = plan(network, ceiling(find(network), 4))
    assert kept == {
        **{f"layer1.{block}.conv1": 4 for block in range(3)},
        **{f"layer2.{block}.conv1": 16 for block in range(3)},
    }
    assert list(left) == [
        "conv1",
        *(f"layer1.{block}.conv2" for block in range(3)),
        *(f"layer2.{block}.conv2" for block in range(3)),
    ]
    assert left["layer1.0.conv2"] == (
        "layer1.0.conv2 can't be projected: layer1.0.add (add) joins it with another map"
    )
    assert plan(network, {}) == ({}, {})


@pytest.mark.parametrize("bits", [None, 8, 2])
@pytest.mark.parametrize("network", ["digits", "mobilenet"])
def test_what_is_trained_folds(network, bits, request):
    network, example = request.getfixturevalue(network)
    teacher = trace(network, example)
    kept, left = plan(teacher, {each.name: 2.0 for each in choose(find(teacher))})
    assert set(kept) | set(left) == {each.name for each in choose(find(teacher))}
    images = torch.randn(16, *example.shape[1:])
    seen = gather(teacher, choose(find(teacher), *kept), [images])
    told = []
    student = prochan(
        teacher,
        kept,
        seen,
        images,
        SHORT,
        SHORT,
        bits,
        progress=lambda what, done, total: told.append(what),
    )
    assert list(dict.fromkeys(told)) == [
        *(f"projection {n + 1} of {len(kept)}: {name}" for n, name in enumerate(kept)),
        "training all",
    ]
    folded = fold(student)
    assert unfolded(folded) == {}
    with unrounded(folded, student):
        assert close(folded(images), student(images))
    shapes = {each.name: each.shape[0] for each in find(folded)}
    assert {name: shapes[name] for name in kept} == kept
    # All but linear maps have their own bound.
    bounds = sum(isinstance(each, Pact) for each in folded.modules())
    assert bounds == (0 if bits is None else len(kept) - ("conv3" in kept))


def test_the_network_learns_to_answer_as_it_did(trained):
    network, images = trained
    teacher = trace(network, images[:2])
    kept, _ = plan(teacher, {each.name: 3.0 for each in choose(find(teacher))})
    seen = gather(teacher, choose(find(teacher), *kept), [images])
    still, train = Training(1e-3, 16, 1e-12), Training(0.3, 16, 3e-3)
    losses = []
    for first, second in ((still, still), (train, still), (train, train)):
        student = prochan(teacher, kept, seen, images, first, second, bits=8)
        with torch.no_grad():
            losses.append(Loss(student, teacher, plain, 1.0)(images))
    assert losses[2] < losses[1] < 0.9 * losses[0]


def test_projections_are_trained_one_by_one_and_then_all(digits):
    teacher = trace(*digits)
    images = torch.rand(16, 1, 32, 32)
    kept = {"conv1": 8, "conv2": 16}
    seen = gather(teacher, choose(find(teacher), *kept), [images])
    still = Training(1e-3, 16, 1e-12)  # one step that changes next to nothing

    def changed(first, second):
        student = prochan(teacher, kept, seen, images, first, second)
        begun = prochan(teacher, kept, seen, images, still, still)
        return {
            name
            for name, each in begun.named_parameters()
            if not torch.allclose(each, student.get_parameter(name), atol=1e-7)
        }

    ours = {
        f"{name}_{half}"
        for name in kept
        for half in ("compress.weight", "compress.bias", "expand.weight")
    }
    assert changed(SHORT, still) == ours
    assert changed(still, SHORT) > ours | {"conv1.weight", "conv3_norm.weight", "linear.bias"}


def test_pact_takes_the_place_of_the_relu(digits):
    network = trace(*digits)
    seen = gather(network, choose(find(network)), [digits[1]])
    (pact,) = bound(network, "conv2", 16, seen["conv2"])
    assert (pact.bits, pact.bound.item()) == (16, pytest.approx(seen["conv2"].channels.high.max()))
    maps = {each.name: each.steps for each in find(network)}
    assert maps["conv2"] == ("conv2", "conv2_norm", "conv2_pact")
    # A linear map has none to be replaced.
    assert bound(network, "conv3", 4, seen["conv3"]) == []
    assert "conv2_relu" not in dict(network.named_modules())


def test_the_relu_inside_another_nonlinearity_stays():
    class Swish(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)
            self.last = nn.Conv2d(4, 4, 1)

        def forward(self, x):
            x = self.conv(x)
            return self.last(x * nn.functional.relu6(x + 3) / 6)

    network = trace(Swish(), torch.randn(2, 3, 8, 8))
    seen = gather(network, choose(find(network)), [torch.randn(2, 3, 8, 8)])
    assert bound(network, "conv", 4, seen["conv"]) == []


def test_statistics_are_of_all_maps_to_be_projected(digits):
    network = trace(*digits)
    message = "statistics must be of all maps to be projected, not without conv2"
    with pytest.raises(ValueError, match=exactly(message)):
        prochan(network, {"conv2": 4}, {}, torch.rand(2, 1, 32, 32), SHORT, SHORT)
