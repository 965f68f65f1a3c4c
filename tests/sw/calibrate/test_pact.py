import re

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from tilefold.calibrate.pact import Pact, first_bound, unrounded
from tilefold.calibrate.sites import find
from tilefold.calibrate.trace import trace


def exactly(message):
    return f"^{re.escape(message)}$"


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_gives_as_many_levels_as_its_bits_have(bits):
    pact = Pact(1.5, bits)
    y = pact(torch.linspace(-1, 3, 4001)).detach()
    levels = y.unique()
    assert len(levels) == 2**bits
    torch.testing.assert_close(levels, torch.arange(2**bits) * pact.scale)
    assert (y[0], y[-1]) == (0, 1.5)
    assert pact.levels == 2**bits - 1


def test_rounds_half_up():
    y = Pact(3.0, 2)(torch.tensor([0.49, 0.5, 1.49, 1.5, 2.5, 9]))
    assert y.tolist() == [0, 1, 1, 2, 3, 3]


def test_without_bits_nothing_is_rounded():
    pact = Pact(1.5)
    assert pact(torch.tensor([-1.0, 0.123, 2])).tolist() == pytest.approx([0, 0.123, 1.5])
    with pytest.raises(ValueError, match=exactly("bits must be set for samples, not None")):
        _ = pact.levels


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_the_first_bound_has_the_least_error(bits):
    values = torch.distributions.Exponential(torch.tensor(0.5)).sample((200_000,)).double()
    bound = first_bound(values.square().mean().item(), 1e9, bits)

    def error(bound):
        return (Pact(bound, bits)(values) - values).square().mean().item()

    # Rounding to few levels is not quite the noise that the formula takes it for.
    slack = 1.01 if bits > 2 else 1.1
    for other in (0.6, 0.8, 1.25, 1.7):
        assert error(bound) <= slack * error(bound * other)


def test_the_first_bound_is_not_above_all_values():
    assert first_bound(8.0, 1.5, 4) == 1.5
    assert Pact(first_bound(0.0, 0.0, 4)).bound > 0


def test_rounding_can_be_left_out_for_a_while():
    network = nn.Sequential(Pact(3.0, 2), Pact(2.0))
    x = torch.tensor([0.3, 9.0])
    with unrounded(network):
        assert network(x).tolist() == pytest.approx([0.3, 2])
    assert network(x).tolist() == [0, 2]


@pytest.mark.parametrize("bits", [None, 2])
def test_gradients_are_those_of_the_paper(bits):
    pact = Pact(1.5, bits)
    x = torch.tensor([-1.0, 0.2, 1.4, 1.6, 5], requires_grad=True)
    pact(x).sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 0, 0]
    assert pact.bound.grad.item() == 2  # the values above it


def test_a_bound_below_zero_still_bounds():
    pact = Pact(1.0, 4)
    with torch.no_grad():
        pact.bound.fill_(-1.0)
    y = pact(torch.tensor([-1.0, 0, 1]))
    assert y.isfinite().all()
    assert (y >= 0).all()
    assert y.max() < 1e-5


def test_it_rides_on_the_map_it_bounds():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), Pact(1.0, 4), nn.Conv2d(4, 2, 1))
    maps = find(trace(network, torch.randn(1, 3, 8, 8)))
    assert [each.steps for each in maps] == [("0", "1"), ("2",)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0,), "bound must be more than 1e-06, not 0.0"),
        ((float("nan"),), "bound must be more than 1e-06, not nan"),
        ((1.0, 0), "bits must be 1 to 16, or None for no rounding, not 0"),
        ((1.0, 17), "bits must be 1 to 16, or None for no rounding, not 17"),
    ],
)
def test_what_is_no_bound_is_told(arguments, message):
    with pytest.raises(ValueError, match=exactly(message)):
        Pact(*arguments)
