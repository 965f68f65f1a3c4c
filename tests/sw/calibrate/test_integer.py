import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn

from tilefold.calibrate.integer import error, to_integers
from tilefold.calibrate.projection import Compress, Expand
from tilefold.calibrate.sample import Quantiser
from tilefold.model.project import project
from tilefold_hw.fixed import SQ, UQ, round_shift
from tilefold_hw.layer import Clip, bias_format

QUANTISERS = [
    Quantiser(0.02, 0, UQ(8)),
    Quantiser(0.03, 128, UQ(8)),
    Quantiser(0.01, -5, SQ(8)),
    Quantiser(0.5, 255, UQ(8)),
    Quantiser(3e-4, 1000, SQ(17)),
]


def exactly(message):
    return f"^{re.escape(message)}$"


def pixels(i, channels, count=500):
    """Samples of format *i*, int64[count, channels]: any, and the limits in all combinations."""
    rng = np.random.default_rng(0)
    x = rng.integers(i.q.min, i.q.max + 1, size=(count, channels))
    x[: count // 4] = rng.choice([i.q.min, i.q.max, i.zero], size=(count // 4, channels))
    return x


def real(layer, x, i, o):
    """What *layer* makes of samples, float64, in steps of *o*, neither rounded nor clamped."""
    values = torch.from_numpy((x - i.zero) * i.scale)[:, :, None, None]
    with torch.no_grad():
        return layer.double()(values)[:, :, 0, 0].numpy() / o.scale + o.zero


@pytest.mark.parametrize("i", QUANTISERS, ids=repr)
@pytest.mark.parametrize("o", QUANTISERS, ids=repr)
@pytest.mark.parametrize("bias", [False, True])
def test_error_is_within_its_bound(i, o, bias):
    # A format with more room shows what would else be clamped.
    wide = SQ(40)
    layer = Compress(torch.randn(6, 11), torch.randn(6) * 3 if bias else None)
    projection = to_integers(layer, i, o)
    projection.check(i.q, o.q, 11)
    x = pixels(i, 11)
    off = np.abs(exact(x, projection, wide) - real(layer, x, i, o)).max(axis=0)
    bound = error(layer, i, o)
    assert (off <= bound).all()
    # The bound is not an idle one: the worst sums are within a few times of it.
    assert (off * 30 >= bound).all()


def exact(x, projection, o):
    """Compute a projection in Python's integers, of no limit."""
    low, high = projection.clip.limits(o)
    return np.array(
        [
            [
                min(max(round_shift((int(row @ pixel) + b) * q, r), low), high)
                for row, b, q, r in zip(
                    np.array(projection.weights, dtype=object),
                    projection.biases,
                    projection.scales,
                    projection.shifts,
                    strict=True,
                )
            ]
            for pixel in x.astype(object)
        ],
        dtype=np.float64,
    )


@pytest.mark.parametrize("channels", [1, 16, 64])
def test_equals_the_golden_model_bit_for_bit(channels):
    i, o = Quantiser(0.02, 0, UQ(8)), Quantiser(0.05, 128, UQ(8))
    layer = Expand(torch.randn(9, channels), torch.randn(9))
    projection = to_integers(layer, i, o)
    x = pixels(i, channels, 100)
    np.testing.assert_array_equal(project(x, projection, o.q), exact(x, projection, o.q))


def test_agrees_with_the_float_layer_within_a_step_or_two():
    i, o = Quantiser(4 / 255, 0, UQ(8)), Quantiser.of(-6.0, 6.0, UQ(8))
    layer = Compress(torch.linalg.qr(torch.randn(16, 16)).Q[:6], torch.randn(6))
    x = pixels(i, 16)
    y = project(x, to_integers(layer, i, o), o.q)
    expected = o.samples(torch.from_numpy((real(layer, x, i, o) - o.zero) * o.scale)).numpy()
    assert np.abs(y - expected).max() <= 3
    assert np.abs(y - expected).mean() < 0.4


def test_a_relu_is_a_clip_at_the_zero():
    i, o = Quantiser(0.02, 0, UQ(8)), Quantiser(0.05, 128, UQ(8))
    layer = Compress(torch.randn(6, 8))
    x = pixels(i, 8)
    plain = project(x, to_integers(layer, i, o), o.q)
    clipped = project(x, to_integers(layer, i, o, Clip(o.zero, 200)), o.q)
    np.testing.assert_array_equal(clipped, np.clip(plain, o.zero, 200))


def test_all_bits_of_weights_and_multipliers_are_used():
    projection = to_integers(Compress(torch.randn(6, 8)), QUANTISERS[0], QUANTISERS[1])
    assert all(max(map(abs, row)) == 127 for row in projection.weights)
    assert all(scale >= 1 << 15 for scale in projection.scales)


def test_a_bias_far_above_the_weights_has_room():
    i, o = Quantiser(0.01, 0, UQ(8)), Quantiser(1.0, 128, UQ(8))
    layer = Compress(torch.full((1, 3), 1e-5), torch.tensor([100.0]))
    projection = to_integers(layer, i, o)
    projection.check(i.q, o.q, 3)
    assert 0 < projection.biases[0] <= bias_format(i.q, 3).max
    np.testing.assert_array_equal(project(pixels(i, 3), projection, o.q), 228)


def test_an_output_of_zeros_is_its_zero():
    i, o = Quantiser(0.01, 9, UQ(8)), Quantiser(1.0, 0, SQ(8))
    projection = to_integers(Compress(torch.zeros(2, 3)), i, o)
    assert projection.weights == ((0, 0, 0), (0, 0, 0))
    assert not project(pixels(i, 3), projection, o.q).any()


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            nn.Conv2d(4, 4, 3),
            "layer must be a 1 × 1 convolution of all channels and pixels, not 3 × 3 with stride "
            "(1, 1) and 1 groups",
        ),
        (
            nn.Conv2d(4, 4, 1, 2, groups=2),
            "layer must be a 1 × 1 convolution of all channels and pixels, not 1 × 1 with stride "
            "(2, 2) and 2 groups",
        ),
    ],
)
def test_other_layers_are_refused(layer, message):
    with pytest.raises(ValueError, match=exactly(message)):
        to_integers(layer, QUANTISERS[0], QUANTISERS[0])


@pytest.mark.parametrize("scale", [1e-12, 1e20])
def test_outputs_out_of_proportion_are_refused(scale):
    message = r"^outputs must be between 2\*\*-47 and 65535 times the sums of the weighted samples"
    with pytest.raises(ValueError, match=message):
        to_integers(Compress(torch.ones(1, 4)), QUANTISERS[0], Quantiser(scale, 0, UQ(8)))
