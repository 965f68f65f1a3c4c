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
    import numpy as np
    import torch
    from safetensors.numpy import load_file

    pytest.importorskip("sklearn")  # the digits
    from tilefold.demo import digits, train

    weights = load_file(Path(train.__file__).with_name("digits.safetensors"))
    network = train.build()
    parts = {"scale": "weight", "shift": "bias", "mean": "running_mean", "variance": "running_var"}
    state = {}
    for name, values in weights.items():
        layer, part = name.split(".")
        norm = layer != "linear" and part in parts
        called = f"{layer}_norm.{parts[part]}" if norm else name
        state[called] = torch.from_numpy(np.array(values))
    # The bottleneck's batch norm has no shift.
    assert network.load_state_dict(state, strict=False).missing_keys.count("conv3_norm.bias") == 1
    return network.eval(), torch.from_numpy(digits.load().train_images[:256])
