"""Networks to calibrate: small, of random weights, with batch norms that do something."""

import sys
from pathlib import Path

import pytest

# The networks lie in `networks.py`, beside the tests.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def one_thread():
    """Keep PyTorch to one thread, and its random weights the same."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def resnet():
    """ResNet-20 for CIFAR-10 (He et al. 2016, shortcuts of option A), and an input."""
    import torch
    from networks import ResNet20, settle

    return settle(ResNet20()), torch.randn(2, 3, 32, 32)


@pytest.fixture
def digits():
    """The demo's network, and an input."""
    import torch
    from networks import settle

    from tilefold.demo.train import build

    return settle(build()), torch.rand(2, 1, 32, 32)


@pytest.fixture
def mobilenet():
    """Network of inverted residuals (Sandler et al. 2018), and an input."""
    import torch
    from networks import MobileNet, settle

    return settle(MobileNet()), torch.randn(2, 3, 32, 32)


@pytest.fixture
def trained():
    """The demo's network as it was trained, and 256 of the digits that it was trained on."""
    import torch

    pytest.importorskip("sklearn")  # the digits
    from tilefold.demo import trained

    return trained.network(), torch.from_numpy(trained.training()[0][:256])


@pytest.fixture
def begun():
    """A study of a small network."""
    from networks import small, smooth

    from tilefold.calibrate.pipeline import begin
    from tilefold_hw.config import CodecConfig

    return begin(small(), smooth(16), CodecConfig())


@pytest.fixture
def tests(begun):
    """Images that its study has not seen, and what the network says of them."""
    import torch
    from networks import smooth

    images = smooth(12, seed=1)
    with torch.no_grad():
        return images, begun.network(images).argmax(1)
