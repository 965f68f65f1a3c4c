import re
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest
from safetensors.numpy import load as parse
from safetensors.numpy import save
from scipy.signal import correlate

from tilefold.demo import digits, network, train
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


def test_the_images_are_what_the_network_expects(data):
    for images, labels in [
        (data.train_images, data.train_labels),
        (data.test_images, data.test_labels),
    ]:
        assert images.dtype == np.float32
        assert labels.dtype == np.int64
        assert images.shape == (len(labels), 1, digits.SIDE, digits.SIDE)
        assert images.min() == 0
        assert 0.9 < images.max() <= 1


def test_enlarging_is_bilinear():
    # A ramp stays a ramp, but for the half pixel at each end where the edge value continues.
    ramp = np.arange(8, dtype=np.float32)[np.newaxis, :] + np.zeros((3, 8, 1), np.float32)
    expected = np.clip(np.arange(32) / 4 - 0.375, 0, 7) + np.zeros((3, 32, 1))
    np.testing.assert_array_equal(digits.enlarge(ramp, 32), expected)
    np.testing.assert_array_equal(
        digits.enlarge(ramp.transpose(0, 2, 1), 32), expected.transpose(0, 2, 1)
    )
    np.testing.assert_array_equal(digits.enlarge(ramp, 8), ramp)


def test_rejects_images_that_cannot_be_enlarged():
    with pytest.raises(ValueError, match=exactly("images must be square, not 8x9")):
        digits.enlarge(np.zeros((8, 9), np.float32), 32)
    with pytest.raises(ValueError, match=exactly("side must be at least 8, not 7")):
        digits.enlarge(np.zeros((8, 8), np.float32), 7)


def test_no_image_is_both_trained_on_and_held_out(data):
    together = np.concatenate([data.train_images, data.test_images])
    assert len(together) == 1797
    assert len(np.unique(together.reshape(1797, -1), axis=0)) == 1797


def test_the_split_has_the_same_share_of_every_class(data):
    held_out, trained = np.bincount(data.test_labels), np.bincount(data.train_labels)
    np.testing.assert_array_equal(held_out, np.round(0.3 * (held_out + trained)))


def test_the_split_is_a_partition_that_depends_on_the_seed():
    labels = np.random.default_rng(0).integers(0, 10, size=1000)
    splits = [digits.split(labels, seed=seed) for seed in (0, 0, 1)]
    for trained, held_out in splits:
        np.testing.assert_array_equal(np.sort(np.concatenate([trained, held_out])), np.arange(1000))
    np.testing.assert_array_equal(splits[0][1], splits[1][1])
    assert (splits[0][1] != splits[2][1]).any()


def test_the_split_never_moves():
    # The shipped weights have seen all images but those that this held out when they were trained.
    _, held_out = digits.split(np.zeros(20, np.int64))
    assert held_out.tolist() == [1, 2, 3, 11, 13, 15]


@pytest.mark.parametrize("share", [0, 1, -0.1])
def test_rejects_a_split_with_an_empty_side(share):
    message = f"test_share must be above 0 and below 1, not {share}"
    with pytest.raises(ValueError, match=exactly(message)):
        digits.split(np.zeros(20, np.int64), test_share=share)


def run(code, *arguments):
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)


def test_importing_is_light():
    code = """
import sys
from tilefold.demo import digits, network, train
assert not {"sklearn", "torch"} & sys.modules.keys()
"""
    assert run(code).stderr == ""


def test_says_what_to_install():
    no_torch = "import sys; sys.modules['torch'] = None\n"
    result = run(no_torch + "from tilefold.demo.train import main; main([])")
    assert result.returncode == 1
    assert result.stderr == "training needs PyTorch: pip install 'tilefold[torch]'\n"

    no_sklearn = "import sys; sys.modules['sklearn'] = sys.modules['sklearn.datasets'] = None\n"
    result = run(no_sklearn + "from tilefold.demo import digits; digits.load()")
    assert result.returncode == 1
    assert result.stderr.endswith(
        "ModuleNotFoundError: the digits need scikit-learn: pip install 'tilefold[demo]'\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "epochs must be at least 1, not 0"),
        (["--output", "nowhere/x"], "output must be in an existing folder, not nowhere"),
    ],
)
def test_training_rejects_bad_options_at_once(capsys, arguments, message):
    with pytest.raises(SystemExit, match=exactly("2")):
        train.main(arguments)
    assert capsys.readouterr().err.endswith(f"error: {message}\n")


def test_a_failed_save_leaves_the_old_file(tmp_path, weights, monkeypatch):
    path = tmp_path / "weights.safetensors"
    train.save(weights, path, "first")
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match=exactly("disk full")):
        train.save({}, path, "second")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_numpy_computes_what_was_trained(data):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    model = train.build()
    # Statistics and scales as after a training: neither zeros nor ones.
    images = torch.from_numpy(data.train_images[:64])
    with torch.no_grad():
        model(images)
        for name, parameter in model.named_parameters():
            if "norm" in name and parameter.requires_grad:
                parameter.add_(torch.rand_like(parameter))
        expected = model.eval()(images).numpy()
    received = forward(fold(train.tensors(model)), images.numpy())
    np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-4)


def test_distorted_images_stay_images(data):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    images = torch.from_numpy(data.train_images[:64])
    distorted = train.distort(images)
    assert distorted.shape == images.shape
    assert 0 <= distorted.min() <= distorted.max() <= 1
    change = (distorted - images).abs().mean(dim=(1, 2, 3)) / images.mean(dim=(1, 2, 3))
    assert 0 < change.min() <= change.max() < 1


@pytest.mark.slow
def test_training_repeats_itself(tmp_path, capsys):
    pytest.importorskip("torch")
    paths = [tmp_path / name for name in ("one", "two")]
    for path in paths:
        train.main(["--epochs", "2", "--output", str(path)])
        assert re.search(r"accuracy on 539 held-out images: \d+\.\d\d%", capsys.readouterr().out)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert network.load(paths[0]).convolutions[3].name == "conv4"
