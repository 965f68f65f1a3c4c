import re
import subprocess
import sys

import numpy as np
import pytest

from tilefold.demo import digits, network, train
from tilefold.demo.network import SHAPES, fold, forward


@pytest.fixture(scope="module")
def data():
    return digits.load()


@pytest.fixture
def weights():
    rng = np.random.default_rng(0)
    return {name: rng.random(shape, dtype=np.float32) for name, shape in SHAPES.items()}


def exactly(message):
    return f"^{re.escape(message)}$"


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
