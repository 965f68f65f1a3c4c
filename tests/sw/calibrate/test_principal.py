import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tilefold.calibrate.principal import components, greedy, principal, rotated
from tilefold.calibrate.projection import Pair
from tilefold.calibrate.sites import choose, find
from tilefold.calibrate.statistics import Moments, Statistics, gather
from tilefold.calibrate.trace import trace


def exactly(message):
    return f"^{re.escape(message)}$"


def statistics(covariance, mean):
    """Statistics of a map with such moments; what isn't read here is nothing."""
    mean, variance = np.array(mean, dtype=float), np.diag(covariance).astype(float)
    nothing = np.zeros_like(mean)
    channels = Moments(nothing, nothing, mean, variance)
    return Statistics(100, channels, 0.0, channels, np.array(covariance, dtype=float))


@pytest.fixture
def pixels():
    """Pixels of 6 channels and rank 4, float64[1000, 6], with a mean; and their statistics."""
    rng = np.random.default_rng(0)
    spread = rng.normal(size=(1000, 4)) * [4, 2, 1, 0.5]
    pixels = spread @ rng.normal(size=(4, 6)) + rng.normal(size=6) * 5
    return pixels, statistics(np.cov(pixels.T, bias=True), pixels.mean(axis=0))


def restored(pixels, pair):
    y = pixels @ pair.compress.double().numpy().T
    if pair.compress_bias is not None:
        y = y + pair.compress_bias.double().numpy()
    x = y @ pair.expand.double().numpy().T
    return x if pair.expand_bias is None else x + pair.expand_bias.double().numpy()


@pytest.mark.parametrize(
    ("energy", "kept"), [(0.1, 1), (0.64, 1), (0.65, 2), (0.9, 2), (0.901, 3), (0.991, 4), (1, 4)]
)
def test_components_hold_their_share_of_the_energy(energy, kept):
    # Eigenvalues 64, 26, 9, 1, 0. Their roots would share out otherwise.
    assert components(statistics(np.diag([9, 64, 0, 26, 1]), np.zeros(5)), energy) == kept


def test_all_energy_is_the_rank_whatever_the_rounding(pixels):
    x, _ = pixels
    assert components(statistics(np.cov(x.T, bias=True), x.mean(axis=0)), 1.0) == 4
    maps = torch.from_numpy(x).float().reshape(10, 10, 10, 6).permute(0, 3, 1, 2)
    network = trace(torch.nn.Sequential(torch.nn.Conv2d(6, 6, 1)), maps)
    with torch.no_grad():
        network.get_submodule("0").weight.copy_(torch.eye(6)[:, :, None, None])
    gathered = gather(network, choose(find(network)), maps.split(3))
    assert components(gathered["0"], 1.0) == 4


def test_an_empty_map_keeps_one_component():
    assert components(statistics(np.zeros((3, 3)), np.zeros(3)), 0.9) == 1


@pytest.mark.parametrize("kept", [1, 2, 3, 4])
def test_what_is_lost_is_the_energy_of_what_is_dropped(pixels, kept):
    x, seen = pixels
    error = np.square(restored(x, principal(seen, kept)) - x).sum(axis=1).mean()
    assert error == pytest.approx(seen.principal()[0][kept:].sum(), rel=1e-4, abs=1e-9)


def test_a_centred_projection_is_of_zero_mean(pixels):
    x, seen = pixels
    pair = principal(seen, 3)
    y = x @ pair.compress.double().numpy().T + pair.compress_bias.double().numpy()
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-5)


@pytest.mark.parametrize("kept", [1, 2, 4, 6])
def test_without_biases_the_mean_is_restored_all_the_same(pixels, kept):
    x, seen = pixels
    pair = principal(seen, kept, unbiased=True)
    assert pair.compress_bias is None
    assert pair.expand_bias is None
    matrix = pair.compress.double().numpy()
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(kept), atol=1e-6)
    np.testing.assert_allclose(restored(x, pair).mean(axis=0), x.mean(axis=0), rtol=1e-5)
    # One component is the mean's; the others lose no more than as many principal ones.
    error = np.square(restored(x, pair) - x).sum(axis=1).mean()
    assert error <= seen.principal()[0][kept - 1 :].sum() + 1e-6


def test_without_a_mean_nothing_is_kept_for_it():
    pair = principal(statistics(np.diag([1, 3, 2]), np.zeros(3)), 2, unbiased=True)
    np.testing.assert_allclose(pair.compress.abs().numpy(), [[0, 1, 0], [0, 0, 1]], atol=1e-6)


def test_greedy_drops_the_least_energy_for_a_bit():
    eigenvalues = {"a": np.array([8.0, 1, 1]), "b": np.array([60.0, 25, 15])}
    bits = {"a": np.array([4.0, 4, 8]), "b": np.array([5.0, 5, 5])}
    # Shares of the energy that are gone then, a bit: 0.1 / 8, 0.15 / 5, 0.2 / 4, 0.4 / 5.
    expected = [(31, 3, 3), (23, 2, 3), (18, 2, 2), (14, 1, 2), (9, 1, 1)]
    for most, a, b in expected:
        assert greedy(eigenvalues, bits, most) == {"a": a, "b": b}
    # Some bits more than a choice takes are not enough for the one before.
    assert greedy(eigenvalues, bits, 17.9) == {"a": 1, "b": 2}
    message = "bits must be at least 9, one component of each map, not 8"
    with pytest.raises(ValueError, match=exactly(message)):
        greedy(eigenvalues, bits, 8)


def test_greedy_looks_at_bits_as_well_as_energy():
    eigenvalues = {"a": np.array([90.0, 10]), "b": np.array([80.0, 20])}
    bits = {"a": np.array([1.0, 1]), "b": np.array([9.0, 9])}
    assert greedy(eigenvalues, bits, 19) == {"a": 2, "b": 1}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: components(s, 0), "energy must be more than 0 and at most 1, not 0"),
        (lambda s: components(s, 1.1), "energy must be more than 0 and at most 1, not 1.1"),
        (lambda s: principal(s, 0), "components must be 1 to 6, not 0"),
        (lambda s: principal(s, 7), "components must be 1 to 6, not 7"),
    ],
)
def test_what_cannot_be_kept_is_told(pixels, call, message):
    with pytest.raises(ValueError, match=exactly(message)):
        call(pixels[1])


@pytest.mark.parametrize("biased", [False, True])
def test_a_rotated_pair_restores_the_same_and_stores_components(pixels, biased):
    x, of = pixels
    rng = np.random.default_rng(1)
    draws = (torch.from_numpy(rng.normal(size=size)).float() for size in ((4, 6), (6, 4), 4, 6))
    compress, expand, *biases = draws
    pair = Pair(compress, expand, *biases) if biased else Pair(compress, expand)
    turned = rotated(pair, of)
    expected = restored(x, pair)
    np.testing.assert_allclose(restored(x, turned), expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(turned.expand.T @ turned.expand, np.eye(4), atol=1e-6)
    stored = x @ turned.compress.double().numpy().T + turned.compress_bias.double().numpy()
    covariance = np.cov(stored.T)
    variances = covariance.diagonal()
    assert (np.diff(variances) < 0).all()
    np.testing.assert_allclose(covariance, np.diag(variances), atol=1e-5 * variances[0])
    np.testing.assert_allclose(stored.mean(axis=0), 0, atol=1e-5 * variances[0] ** 0.5)
