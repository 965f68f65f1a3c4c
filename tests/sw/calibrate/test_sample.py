import re

import pytest

torch = pytest.importorskip("torch")

from tilefold.calibrate.sample import Quantiser, straight_through
from tilefold_hw.fixed import SQ, UQ


def exactly(message):
    return f"^{re.escape(message)}$"


def test_samples_are_rounded_half_up_and_clamped():
    q = Quantiser(0.5, 10, UQ(4))
    values = torch.tensor([-9.0, -0.25, -0.26, 0, 0.25, 0.74, 0.75, 2.5, 9])
    assert q.samples(values).tolist() == [0, 10, 9, 10, 11, 11, 12, 15, 15]
    assert q.samples(values).dtype == torch.int32
    assert q.values(torch.tensor([0, 10, 15])).tolist() == [-5, 0, 2.5]


@pytest.mark.parametrize("q", [UQ(8), SQ(8), UQ(4), SQ(16)], ids=repr)
@pytest.mark.parametrize(("low", "high"), [(0, 3), (-2, 3), (-3, 1), (-3, -1), (0.5, 0.75)])
def test_the_scale_holds_the_range(q, low, high):
    quantiser = Quantiser.of(low, high, q)
    ends = torch.tensor([low, high], dtype=torch.float64)
    error = (quantiser.values(quantiser.samples(ends)) - ends).abs()
    assert (error <= quantiser.scale * 0.5001).all()
    assert quantiser.samples(torch.zeros(1)) == quantiser.zero
    # No sample is spared for negative values where there are none.
    assert quantiser.zero == (q.min if low >= 0 else (q.min + q.max + 1) // 2)


def test_a_map_of_zeros_has_a_scale():
    assert Quantiser.of(0.0, 0.0, UQ(8)) == Quantiser(1.0, 0, UQ(8))


def test_gradients_pass_the_rounding_and_stop_at_the_clamp():
    values = torch.tensor([-0.1, 0.3, 14.2, 20.0], requires_grad=True)
    rounded = Quantiser(1.0, 0, UQ(4)).through(values)
    assert rounded.tolist() == [0, 0, 14, 15]
    rounded.sum().backward()
    assert values.grad.tolist() == [0, 1, 1, 0]


def test_straight_through_keeps_the_value_of_one_and_the_gradient_of_the_other():
    values = torch.tensor([1.5], requires_grad=True)
    result = straight_through(3 * values, torch.tensor([5.0]))
    result.backward()
    assert (result.item(), values.grad.item()) == (5, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Quantiser(0.0, 0, UQ(8)), "scale must be finite and more than 0, not 0.0"),
        (lambda: Quantiser(1.0, 256, UQ(8)), "zero must be 0 to 255, not 256"),
        (
            lambda: Quantiser.of(2.0, 1.0, UQ(8)),
            "range must be finite and in order, not 2.0 to 1.0",
        ),
    ],
)
def test_what_is_no_quantiser_is_told(make, message):
    with pytest.raises(ValueError, match=exactly(message)):
        make()
