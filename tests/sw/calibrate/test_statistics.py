import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tilefold.calibrate.dct import basis, dct
from tilefold.calibrate.forward import forward
from tilefold.calibrate.sites import choose, find
from tilefold.calibrate.statistics import gather
from tilefold.calibrate.trace import trace
from tilefold.model.dct import dct as model_dct
from tilefold.model.reorder import to_tiles
from tilefold.model.tiles import cut
from tilefold_hw.config import CodecConfig


def exactly(message):
    return f"^{re.escape(message)}$"


@pytest.fixture
def network(digits):
    network, _ = digits
    return trace(network, torch.rand(1, 1, 32, 32))


@pytest.mark.parametrize("n", [4, 7, 8, 16])
def test_the_basis_is_orthonormal(n):
    identity = torch.eye(n, dtype=torch.float64)
    torch.testing.assert_close(basis(n) @ basis(n).T, identity)


@pytest.mark.parametrize("n", [4, 7, 8, 16])
def test_coefficients_are_those_that_the_hardware_rounds(n):
    config = CodecConfig(tile=n, sample_width=9, sample_signed=True)
    maps = np.random.default_rng(0).integers(-256, 256, size=(3, 20, 12), dtype=np.int32)
    expected = model_dct(to_tiles(cut(maps, n)), config.transform)
    received = dct(torch.from_numpy(maps).double()[None], n)[0]
    assert received.shape == expected.shape
    assert np.abs(received.numpy() - expected).max() < 1


def test_every_map_is_offered_in_order(network):
    maps, images = choose(find(network)), torch.rand(2, 1, 32, 32)
    seen = []
    expected = forward(network, maps, images, lambda name, x: seen.append((name, x.shape)) or x)
    assert seen == [(each.name, (2, *each.shape)) for each in maps]
    torch.testing.assert_close(expected, network(images))


def test_every_step_can_be_watched(network):
    maps, images = choose(find(network), "conv3"), torch.rand(2, 1, 32, 32)
    seen = {}
    result = forward(network, maps, images, lambda name, x: x + 1, seen.__setitem__)
    torch.testing.assert_close(seen["linear"], result)
    assert list(seen)[:4] == ["input", "conv1", "conv1_norm", "conv1_relu"]
    # Of a stored map, what the network goes on with.
    expected = network.get_submodule("conv3_norm")(seen["conv3"]) + 1
    torch.testing.assert_close(seen["conv3_norm"], expected)


def test_the_network_goes_on_with_what_was_stored(network):
    maps, images = choose(find(network), "conv3"), torch.rand(2, 1, 32, 32)
    expected = forward(network, maps, images, lambda name, x: torch.zeros_like(x))
    torch.testing.assert_close(expected[0], expected[1])
    assert not torch.allclose(expected, network(images))


def test_a_stored_map_keeps_its_shape(network):
    message = "stored map of conv1 must be [2, 16, 32, 32], not [2, 8, 32, 32]"
    with pytest.raises(ValueError, match=exactly(message)):
        forward(network, find(network), torch.rand(2, 1, 32, 32), lambda name, x: x[:, :8])


def test_statistics_of_batches_are_those_of_all(network):
    maps, images = choose(find(network)), torch.rand(6, 1, 32, 32)
    values = {}
    with torch.no_grad():
        forward(network, maps, images, lambda name, x: values.setdefault(name, x))
    told = []
    gathered = gather(
        network, maps, images.split(4), total=6, progress=lambda *what: told.append(what)
    )
    assert told == [("gathering statistics", done, 6) for done in (0, 4, 6)]
    assert list(gathered) == [each.name for each in maps]
    for name, statistics in gathered.items():
        x = values[name].double().numpy()
        pixels = x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])
        assert statistics.pixels == len(pixels)
        assert statistics.zeros == pytest.approx(np.mean(pixels == 0))
        np.testing.assert_array_equal(statistics.channels.low, pixels.min(axis=0))
        np.testing.assert_array_equal(statistics.channels.high, pixels.max(axis=0))
        # The error that `gather` promises.
        square = 1e-6 * np.square(pixels).mean(axis=0)
        np.testing.assert_allclose(statistics.channels.mean, pixels.mean(axis=0), rtol=1e-6)
        assert (np.abs(statistics.channels.variance - pixels.var(axis=0)) <= square).all()
        error = statistics.covariance - np.cov(pixels.T, bias=True)
        assert (np.abs(error) <= np.sqrt(np.outer(square, square))).all()
        coefficients = dct(values[name], 8).flatten(0, 1).double().numpy()
        moments = statistics.coefficients
        assert moments.mean.shape == (x.shape[1], 64)
        np.testing.assert_allclose(moments.low, coefficients.min(axis=0), atol=1e-5)
        np.testing.assert_allclose(moments.high, coefficients.max(axis=0), atol=1e-5)
        np.testing.assert_allclose(moments.mean, coefficients.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(moments.variance, coefficients.var(axis=0), atol=1e-4)


def test_principal_components_come_in_order(network):
    statistics = gather(network, choose(find(network), "conv2"), [torch.rand(4, 1, 32, 32)])
    eigenvalues, components = statistics["conv2"].principal()
    assert (np.diff(eigenvalues) <= 0).all()
    assert eigenvalues.min() >= 0
    np.testing.assert_allclose(components @ components.T, np.eye(32), atol=1e-9)
    np.testing.assert_allclose(
        components @ statistics["conv2"].covariance @ components.T,
        np.diag(eigenvalues),
        atol=1e-9,
    )


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        ([], "images must be at least one, not none"),
        ([torch.rand(2, 1, 28, 28)], "images must have shape [n, 1, 32, 32], not [2, 1, 28, 28]"),
        (
            [torch.full((1, 1, 32, 32), torch.nan)],
            "map of conv1 must be finite on every image, which it is not",
        ),
    ],
)
def test_bad_images_are_told(network, batches, message):
    with pytest.raises(ValueError, match=exactly(message)):
        gather(network, choose(find(network)), batches)
