import re

import numpy as np
import pytest

from tilefold.demo import digits


@pytest.fixture(scope="module")
def data():
    return digits.load()


def exactly(message):
    return f"^{re.escape(message)}$"


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
