import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tilefold.calibrate.selection import select
from tilefold.calibrate.statistics import Moments, Statistics


def exactly(message):
    return f"^{re.escape(message)}$"


def statistics(pixels):
    mean, variance = pixels.mean(axis=0), pixels.var(axis=0)
    channels = Moments(pixels.min(axis=0), pixels.max(axis=0), mean, variance)
    return Statistics(len(pixels), channels, 0.0, channels, np.cov(pixels.T, bias=True))


@pytest.fixture
def pixels():
    """Pixels after a ReLU, float64[1000, 6]; the last two channels follow from the others."""
    rng = np.random.default_rng(0)
    first = np.maximum(rng.normal(size=(1000, 4)) * [4, 1, 2, 3] + 0.5, 0)
    return np.concatenate([first, first @ [[2], [0], [1], [0]], first @ [[0], [1], [0], [1]]], 1)


def test_rows_select_channels(pixels):
    pair = select(statistics(pixels), 3)
    assert sorted(pair.compress.unique().tolist()) == [0, 1]
    assert pair.compress.sum(dim=1).tolist() == [1, 1, 1]
    assert pair.compress.sum(dim=0).max() == 1
    assert pair.compress_bias is None
    assert pair.expand_bias is None


def test_the_strongest_comes_first(pixels):
    assert select(statistics(pixels), 1).compress.argmax() == 4


@pytest.mark.parametrize("kept", [4, 5, 6])
def test_what_follows_from_others_is_restored(pixels, kept):
    pair = select(statistics(pixels), kept)
    restored = pixels @ (pair.expand @ pair.compress).double().numpy().T
    np.testing.assert_allclose(restored, pixels, atol=1e-4)


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_no_other_matrix_restores_better(pixels, kept):
    pair = select(statistics(pixels), kept)
    y = pixels @ pair.compress.double().numpy().T
    best = np.linalg.lstsq(y, pixels, rcond=None)[0]
    np.testing.assert_allclose(pair.expand.double().numpy(), best.T, atol=1e-5)


def test_selected_channels_come_back_as_they_are(pixels):
    pair = select(statistics(pixels), 3)
    torch.testing.assert_close(pair.compress @ pair.expand, torch.eye(3), atol=1e-5, rtol=0)


def test_what_says_the_same_is_taken_once(pixels):
    twice = np.concatenate([pixels[:, :1] * 3, pixels[:, :2], pixels[:, :1] * 2], axis=1)
    pair = select(statistics(twice), 2)
    assert pair.compress.tolist() == [[1, 0, 0, 0], [0, 0, 1, 0]]


def test_channels_of_zeros_do_no_harm():
    pair = select(statistics(np.array([[1.0, 0, 0], [2, 0, 0]])), 2)
    assert pair.expand.isfinite().all()
    assert pair.compress.tolist() == [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("kept", [0, 7])
def test_what_cannot_be_kept_is_told(pixels, kept):
    with pytest.raises(ValueError, match=exactly(f"channels must be 1 to 6, not {kept}")):
        select(statistics(pixels), kept)
