import math
import re

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from tilefold.calibrate.distil import Training, distillation, train


def exactly(message):
    return f"^{re.escape(message)}$"


def test_who_answers_as_the_teacher_has_nothing_to_learn():
    logits = torch.randn(5, 10)
    assert distillation(logits, logits).item() == pytest.approx(0, abs=1e-5)
    # What all logits have in common says nothing.
    assert distillation(logits + 3, logits).item() == pytest.approx(0, abs=1e-4)
    assert distillation(torch.randn(5, 10), logits) > 0.1


def test_distillation_is_the_divergence_of_softened_answers():
    student, teacher = torch.tensor([[0.0, 4.0]]), torch.tensor([[0.0, 0.0]])
    p = 1 / (1 + math.exp(-2))  # of 4 / 2
    expected = 0.5 * math.log(0.5 / p) + 0.5 * math.log(0.5 / (1 - p))
    assert distillation(student, teacher, 2.0).item() == pytest.approx(4 * expected)


@pytest.fixture
def line():
    """Layer to be trained, images, and its loss: it has to find 3 x + 1."""
    network = nn.Linear(1, 1)
    images = torch.linspace(-1, 1, 100)[:, None]
    return network, images, lambda x: (network(x) - 3 * x - 1).square().mean()


def test_training_makes_the_loss_small(line):
    network, images, loss = line
    losses = train(network, network.parameters(), loss, images, Training(40, 10, 0.1))
    assert len(losses) == 400
    assert losses[-1] < 1e-4 < losses[0]


def test_the_same_seed_gives_the_same_weights(line):
    network, images, loss = line
    start = {name: each.clone() for name, each in network.state_dict().items()}

    def trained(seed):
        network.load_state_dict(start)
        train(network, network.parameters(), loss, images, Training(2, 10, seed=seed))
        return network.weight.item()

    assert trained(1) == trained(1) != trained(2)


def test_nothing_else_is_trained(line):
    network, images, loss = line
    network.bias.requires_grad_(False)
    before = network.bias.item()
    train(network, [network.weight], loss, images, Training(1, 10))
    assert network.bias.item() == before
    assert (network.weight.requires_grad, network.bias.requires_grad) == (True, False)
    assert network.weight.grad is None


def test_every_pass_takes_all_images_in_another_order(line):
    network, images, loss = line
    seen = []
    train(
        network,
        network.parameters(),
        lambda x: seen.append(x.flatten()) or loss(x),
        images,
        Training(2, 20),
    )
    first, second = torch.cat(seen[:5]), torch.cat(seen[5:])
    assert first.tolist() != second.tolist()
    for order in (first, second):
        torch.testing.assert_close(order.sort().values, images.flatten())


def test_images_are_varied(line):
    network, images, loss = line
    seen = []
    train(
        network,
        network.parameters(),
        lambda x: seen.append(x) or loss(x),
        images,
        Training(0.1, 10),
        vary=lambda x, chance: x + 10 + torch.rand(len(x), 1, generator=chance),
    )
    assert len(seen) == 1
    assert seen[0].min() > 9


def test_the_rate_falls_to_zero(line, monkeypatch):
    network, images, loss = line
    rates = []
    step = torch.optim.Adam.step

    def note(self):
        rates.append(self.param_groups[0]["lr"])
        return step(self)

    monkeypatch.setattr(torch.optim.Adam, "step", note)
    train(network, network.parameters(), loss, images, Training(1, 10, 0.5))
    assert rates[0] == 0.5
    assert rates[5] == pytest.approx(0.25)
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.02


def test_time_ends_the_training(line, monkeypatch):
    network, images, loss = line
    seconds = iter(range(1000))
    monkeypatch.setattr("tilefold.calibrate.distil.time.monotonic", lambda: next(seconds))
    assert len(train(network, network.parameters(), loss, images, Training(9, 10, seconds=7))) == 6


def test_progress_is_told(line):
    network, images, loss = line
    told = []
    train(
        network,
        network.parameters(),
        loss,
        images,
        Training(1, 50),
        "learning",
        progress=lambda *what: told.append(what),
    )
    assert told == [("learning", 0, 2), ("learning", 1, 2), ("learning", 2, 2)]


def test_few_images_make_one_small_batch(line):
    network, images, loss = line
    assert len(train(network, network.parameters(), loss, images[:3], Training(1, 64))) == 1


def test_what_cannot_be_trained_is_told(line):
    network, images, loss = line
    with pytest.raises(ValueError, match=exactly("images must be at least one, not none")):
        train(network, network.parameters(), loss, images[:0], Training())
    message = "loss must be finite, not nan at step 0: lower the rate of 0.001"
    with pytest.raises(ValueError, match=exactly(message)):
        train(network, network.parameters(), lambda x: loss(x) * math.nan, images, Training())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"epochs": 0}, "epochs must be more than 0, not 0"),
        ({"batch": 0}, "batch must be more than 0, not 0"),
        ({"rate": math.inf}, "rate must be more than 0, not inf"),
        ({"seconds": 0}, "seconds must be more than 0, or None, not 0"),
    ],
)
def test_what_is_no_training_is_told(changed, message):
    with pytest.raises(ValueError, match=exactly(message)):
        Training(**changed)
