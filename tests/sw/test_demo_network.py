import re
from importlib import resources

import numpy as np
import pytest
from safetensors.numpy import load as parse
from safetensors.numpy import save
from scipy.signal import correlate

from tilefold.demo import digits, network
from tilefold.demo.network import STAGES, Convolution, accuracy, convolve, fold, forward

SHIPPED = resources.files("tilefold.demo") / "digits.safetensors"


@pytest.fixture(scope="module")
def data():
    return digits.load()


@pytest.fixture
def weights():
    return {name: tensor.copy() for name, tensor in parse(SHIPPED.read_bytes()).items()}


def exactly(message):
    return f"^{re.escape(message)}$"


def small_integers(rng, *shape):
    """Whole numbers, so that float32 sums of their products are exact in any order."""
    return rng.integers(-8, 9, size=shape).astype(np.float32)


def test_reads_held_out_digits(data):
    assert accuracy(forward(network.load(), data.test_images), data.test_labels) > 0.98


def test_the_shipped_weights_are_small():
    assert len(SHIPPED.read_bytes()) < 70_000


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("size", [(8, 8), (7, 10)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_convolve_is_a_correlation(kernel, stride, size, relu):
    rng = np.random.default_rng(0)
    x = small_integers(rng, 2, 3, *size)
    weight, bias = small_integers(rng, 4, 3, kernel, kernel), small_integers(rng, 4)
    border = (kernel // 2, kernel // 2)
    padded = np.pad(x, ((0, 0), (0, 0), border, border))
    expected = np.array(
        [
            [
                correlate(maps, w, "valid", "direct")[0] + b
                for w, b in zip(weight, bias, strict=True)
            ]
            for maps in padded
        ]
    )[..., ::stride, ::stride]
    received = convolve(x, Convolution("conv", weight, bias, stride, relu))
    assert received.dtype == np.float32
    np.testing.assert_array_equal(received, np.maximum(expected, 0) if relu else expected)


def test_convolve_does_not_depend_on_the_rest_of_the_batch():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 16, 32, 32)).astype(np.float32)
    conv = network.load().convolutions[1]
    np.testing.assert_array_equal(convolve(x, conv)[3:4], convolve(x[3:4], conv))


def test_convolve_leaves_its_input_alone():
    x = -np.ones((1, 1, 4, 4), dtype=np.float32)
    x.flags.writeable = False
    conv = Convolution("conv", np.ones((1, 1, 1, 1), np.float32), np.zeros(1, np.float32), 1, True)
    np.testing.assert_array_equal(convolve(x, conv), np.zeros((1, 1, 4, 4)))


def test_a_folded_batch_norm_is_the_batch_norm():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 8, 8)).astype(np.float32)
    weight = rng.normal(size=(4, 3, 3, 3)).astype(np.float32)
    scale, shift, mean = rng.normal(size=(3, 4)).astype(np.float32)
    # One is so small that what batch norm adds to it shows.
    variance = np.array([1e-3, 0.1, 1, 4], dtype=np.float32)

    plain = convolve(x, Convolution("conv", weight, np.zeros(4, np.float32), 1, False))
    by_channel = [v[:, np.newaxis, np.newaxis] for v in (scale, shift, mean, variance)]
    scale_c, shift_c, mean_c, variance_c = by_channel
    expected = scale_c * (plain - mean_c) / np.sqrt(variance_c + 1e-5) + shift_c

    folded = network.fold_batch_norm(weight, scale, shift, mean, variance)
    assert [part.dtype for part in folded] == [np.float32, np.float32]
    received = convolve(x, Convolution("conv", *folded, 1, False))
    np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-3)


def test_every_map_is_stored_in_order(data):
    seen = []

    def store(name, x):
        seen.append((name, x.shape, bool((x < 0).any())))
        return x

    model = network.load()
    images = data.test_images[:3]
    np.testing.assert_array_equal(forward(model, images, store), forward(model, images))
    assert seen == [
        ("conv1", (3, 16, 32, 32), False),
        ("conv2", (3, 32, 16, 16), False),
        ("conv3", (3, 32, 16, 16), True),
        ("conv4", (3, 32, 8, 8), False),
    ]


@pytest.mark.parametrize("replaced", [stage.name for stage in STAGES])
def test_the_network_goes_on_with_what_was_stored(data, replaced):
    def store(name, x):
        return np.zeros(x.shape) if name == replaced else x

    model = network.load()
    logits = forward(model, data.test_images[:3], store)
    assert logits.dtype == np.float32
    assert not np.allclose(logits, forward(model, data.test_images[:3]))
    # Nothing of the images is left.
    np.testing.assert_array_equal(logits, logits[[0, 0, 0]])


def test_the_bottleneck_has_zero_mean(data):
    maps = {}

    def store(name, x):
        maps[name] = x
        return x

    forward(network.load(), data.train_images, store)
    pixels = maps["conv3"]
    mean, deviation = pixels.mean(axis=(0, 2, 3)), pixels.std(axis=(0, 2, 3))
    assert (deviation > 0.1).all()
    assert (np.abs(mean) < 1e-3 * deviation).all()


def test_accuracy_is_the_share_of_right_answers():
    logits = np.eye(4, dtype=np.float32)
    assert accuracy(logits, np.array([0, 1, 2, 2])) == 0.75


def set_to(tensor, value):
    tensor.flat[-1] = value
    return tensor


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("conv3.mean", None, "conv3.mean must be among the weights, not missing"),
        (
            "conv3.shift",
            lambda _: np.zeros(32, np.float32),
            "weights must be those of this network, not conv3.shift",
        ),
        (
            "conv1.weight",
            lambda _: np.zeros((16, 1, 5, 5), np.float32),
            "conv1.weight must be float32[16, 1, 3, 3], not float32[16, 1, 5, 5]",
        ),
        (
            "linear.bias",
            lambda tensor: tensor.astype(np.float64),
            "linear.bias must be float32[10], not float64[10]",
        ),
        (
            "conv4.weight",
            lambda tensor: set_to(tensor, np.nan),
            "conv4.weight must be finite, not nan",
        ),
        (
            "linear.weight",
            lambda tensor: set_to(tensor, -np.inf),
            "linear.weight must be finite, not -inf",
        ),
        (
            "conv2.variance",
            lambda tensor: set_to(tensor, -0.5),
            "conv2.variance must be at least 0, not -0.5",
        ),
    ],
)
def test_rejects_weights_of_another_network(weights, tmp_path, name, change, message):
    if change is None:
        del weights[name]
    else:
        weights[name] = change(weights.get(name))
    with pytest.raises(ValueError, match=exactly(message)):
        fold(weights)

    path = tmp_path / "bad.safetensors"
    path.write_bytes(save(weights))
    with pytest.raises(ValueError, match=exactly(f"{path}: {message}")):
        network.load(path)


@pytest.mark.parametrize("cut", [0, 5, 1000, 60_000])
def test_rejects_a_damaged_file(tmp_path, cut):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(SHIPPED.read_bytes()[:cut])
    message = f"^{re.escape(str(path))}: weights must be a whole safetensors file: "
    with pytest.raises(ValueError, match=message):
        network.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"weight": np.zeros((4, 3, 2, 2), np.float32)},
            "conv.weight must be float32[out, in, k, k] with k odd, not float32[4, 3, 2, 2]",
        ),
        (
            {"weight": np.zeros((4, 3, 3, 3))},
            "conv.weight must be float32[out, in, k, k] with k odd, not float64[4, 3, 3, 3]",
        ),
        (
            {"bias": np.zeros(3, np.float32)},
            "conv.bias must be float32[4], not float32[3]",
        ),
        ({"stride": 0}, "conv.stride must be at least 1, not 0"),
    ],
)
def test_rejects_an_impossible_convolution(change, message):
    good = {
        "weight": np.zeros((4, 3, 3, 3), np.float32),
        "bias": np.zeros(4, np.float32),
        "stride": 1,
    }
    with pytest.raises(ValueError, match=exactly(message)):
        Convolution("conv", **good | change, relu=False)


def test_rejects_maps_that_do_not_fit():
    model = network.load()
    images = np.zeros((2, 1, 32, 32), dtype=np.float32)
    with pytest.raises(
        ValueError, match=exactly("conv1 must be given [n, 1, h, w], not [2, 3, 32, 32]")
    ):
        forward(model, images[:, [0, 0, 0]])
    with pytest.raises(
        ValueError,
        match=exactly("stored map of conv1 must be [2, 16, 32, 32], not [2, 8, 32, 32]"),
    ):
        forward(model, images, lambda name, x: x[:, ::2])
    with pytest.raises(ValueError, match=exactly("labels must be int64[2], not int64[1]")):
        accuracy(forward(model, images), np.zeros(1, np.int64))
