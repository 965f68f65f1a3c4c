import re

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from tilefold.calibrate.beside import Side, on_side, project_beside
from tilefold.calibrate.distil import Training
from tilefold.calibrate.learned import Loss, hints, learn
from tilefold.calibrate.principal import principal
from tilefold.calibrate.project import project
from tilefold.calibrate.projection import Pair
from tilefold.calibrate.sample import Quantiser
from tilefold.calibrate.sites import choose, find
from tilefold.calibrate.statistics import gather
from tilefold.calibrate.trace import trace
from tilefold_hw.fixed import SQ


def exactly(message):
    return f"^{re.escape(message)}$"


def plain(name, maps):
    return maps


def projected(network, images, share, side):
    """*network* with principal components of every map on *side*: a *share* of them."""
    sites = [on_side(network, each.name, side) for each in choose(find(network))]
    seen = gather(network, sites, [images])
    for each in sites:
        pair = principal(seen[each.name], max(1, int(each.shape[0] * share)))
        network = project_beside(network, each.name, pair, side)
    return network


@pytest.mark.parametrize("side", list(Side))
def test_what_is_learned_answers_more_like_the_teacher(trained, side):
    network, images = trained
    teacher = trace(network, images[:2])
    student = projected(teacher, images, 0.2, side)
    learned = learn(student, teacher, images, Training(1, 16, 3e-3))
    with torch.no_grad():
        before, after = (Loss(each, teacher, plain, 1.0)(images) for each in (student, learned))
    assert after < 0.95 * before


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("network", ["digits", "mobilenet"])
def test_nothing_but_projections_is_trained(network, side, request):
    network, example = request.getfixturevalue(network)
    teacher = trace(network, example)
    images = torch.randn(16, *example.shape[1:])
    student = projected(teacher, images, 0.4, side)
    seen: dict[str, torch.Tensor] = {}

    def store(name, maps):
        # As in use: rounded to a format whose range training may well leave.
        seen[name] = Quantiser(maps.abs().max().item() / 100, 0, SQ(8)).through(maps)
        return seen[name]

    before = {name: each.clone() for name, each in student.state_dict().items()}
    learned = learn(student, teacher, images, Training(1, 8, 1e-2), store)
    for name, each in learned.state_dict().items():
        assert torch.equal(student.state_dict()[name], before[name])
        trained = "_compress." in name or "_expand." in name
        assert torch.equal(each, before[name]) is not trained, name
    assert seen.keys() == {each.name for each in choose(find(student))}


def test_the_hint_is_what_the_projection_restores(resnet):
    teacher = trace(*resnet)
    pair = Pair(torch.randn(4, 16), torch.randn(16, 4))
    student = project_beside(teacher, "layer1.0.conv1", pair, Side.BEFORE)
    student = project_beside(student, "layer1.0.conv2", pair, Side.AFTER)
    student = project(student, "layer1.1.conv1", pair.compress, pair.expand)
    assert hints(student, teacher) == {
        "layer1.0.conv1_expand": "layer1.0.bn1",
        "layer1.0.conv2_expand": "layer1.0.relu#2",
        "layer1.1.conv1_expand": "layer1.1.relu",
    }


def test_the_loss_is_that_of_answers_and_hints():
    images = torch.randn(4, 3, 8, 8)
    teacher = trace(
        nn.Sequential(nn.Conv2d(3, 6, 1), nn.ReLU(), nn.Flatten(), nn.Linear(384, 5)), images
    )
    matrix = torch.linalg.qr(torch.randn(6, 6)).Q
    same = project_beside(teacher, "0", Pair(matrix, matrix.T), Side.AFTER)
    with torch.no_grad():
        assert Loss(same, teacher, plain, 1.0)(images).item() == pytest.approx(0, abs=1e-4)
        half = project_beside(teacher, "0", Pair(matrix, matrix.T / 2), Side.AFTER)
        losses = [Loss(half, teacher, plain, hint)(images).item() for hint in (0.0, 1.0, 3.0)]
    x = torch.relu(teacher.get_submodule("0")(images)).detach()
    off = (x.square().mean() / 4 / x.var()).item()
    assert losses[1] - losses[0] == pytest.approx(off, rel=1e-3)
    assert losses[2] - losses[0] == pytest.approx(3 * off, rel=1e-3)


def test_without_projections_there_is_nothing_to_learn(digits):
    network = trace(*digits)
    message = "network must have projections to be trained, not none"
    with pytest.raises(ValueError, match=exactly(message)):
        learn(network, network, torch.rand(2, 1, 32, 32), Training())
