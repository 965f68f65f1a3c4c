"""What all coders promise, whichever they are."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilefold.baselines.adaptive import Adaptive
from tilefold.baselines.fitted import Fitted
from tilefold.baselines.run_length import RunLength
from tilefold.baselines.zero_mask import ZeroMask, sparsity_map, zero_value
from tilefold_hw.fixed import SQ, UQ


def fitted(sample):
    """Fit a code to a few small samples, so that most others are never seen."""
    low = max(sample.min, -2)
    return Fitted.fit(np.arange(low, min(sample.max, 3) + 1).reshape(1, 1, 1, -1), sample)


MAKERS = {
    "run_length": RunLength,
    "sparsity_map": sparsity_map,
    "zero_value": zero_value,
    "bytes": lambda sample: ZeroMask("bytes", 8, sample),
    "fitted": fitted,
    "adaptive": Adaptive,
}
FORMATS = [UQ(1), UQ(4), UQ(8), SQ(8), UQ(16), SQ(16)]


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


def sparse(rng, shape, q, zeros):
    """Samples of which a share is zero, and the others are from end to end of their format."""
    samples = rng.integers(q.min, q.max + 1, shape)
    samples[rng.random(shape) < zeros] = 0
    return samples


@settings(max_examples=60)
@given(
    maker=st.sampled_from(list(MAKERS.values())),
    q=st.sampled_from(FORMATS),
    shape=st.tuples(*[st.integers(1, n) for n in (3, 4, 9, 9)]),
    zeros=st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.99, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_all_that_is_encoded_comes_back_and_takes_as_many_bits_as_told(
    maker, q, shape, zeros, seed
):
    samples = sparse(np.random.default_rng(seed), shape, q, zeros)
    coder = maker(q)
    bits = coder.bits(samples)
    assert bits.dtype == np.int64
    assert bits.shape == shape[:1]
    for each, told in zip(samples, bits, strict=True):
        stored = coder.encode(each)
        assert 8 * stored.nbytes == told
        restored = coder.decode(stored, each.shape)
        assert restored.dtype == np.int32
        np.testing.assert_array_equal(restored, each)


@pytest.mark.parametrize("q", FORMATS, ids=repr)
def test_every_sample_of_a_format_comes_back(make, q):
    samples = np.arange(q.min, q.max + 1).reshape(1, 1, -1)
    coder = make(q)
    np.testing.assert_array_equal(coder.decode(coder.encode(samples), samples.shape), samples)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.int64])
def test_the_type_of_the_array_does_not_show(make, dtype):
    samples = sparse(np.random.default_rng(0), (2, 3, 5, 7), UQ(7), 0.4)
    coder = make(UQ(7))
    np.testing.assert_array_equal(coder.bits(samples.astype(dtype)), coder.bits(samples))
    for each in samples:
        np.testing.assert_array_equal(coder.encode(each.astype(dtype)), coder.encode(each))


def test_samples_go_in_raster_order_a_channel_after_the_other(make):
    samples = sparse(np.random.default_rng(0), (3, 4, 5), UQ(8), 0.6)
    np.testing.assert_array_equal(
        make(UQ(8)).encode(samples), make(UQ(8)).encode(samples.reshape(1, 1, -1))
    )


def test_a_map_does_not_depend_on_the_others_of_its_batch(make):
    # Zeros at the end of one and at the beginning of the next are no run.
    samples = np.zeros((3, 1, 1, 40), dtype=np.int64)
    samples[0, 0, 0, 0] = samples[2, 0, 0, -1] = 1
    coder = make(UQ(8))
    alone = [int(coder.bits(each[np.newaxis])[0]) for each in samples]
    assert coder.bits(samples).tolist() == alone


def test_rejects_words_that_are_no_such_map(make):
    coder = make(UQ(8))
    samples = sparse(np.random.default_rng(0), (4, 8, 8), UQ(8), 0.3)
    stored = coder.encode(samples)
    for other in (stored[:-1], stored[: len(stored) // 2], stored[:1], stored[:0]):
        with pytest.raises(ValueError, match=r"^(words|bytes) .*must (hold|end|begin) "):
            coder.decode(other, samples.shape)
    with pytest.raises(ValueError, match=r"^(words|bytes) .*must (hold|end) "):
        coder.decode(np.concatenate([stored, stored]), samples.shape)
    for shape in ((2, 8, 8), (4, 8, 9)):
        with pytest.raises(ValueError, match=r"^(words|bytes) must hold "):
            coder.decode(stored, shape)


def test_rejects_what_is_no_batch_of_samples(make):
    coder = make(UQ(8))
    for shape in ((8, 8), (1, 2, 8, 0), (0, 2, 8, 8)):
        sentence = f"samples must have shape [n, C, H, W] and values, not {shape}"
        with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
            coder.bits(np.zeros(shape, dtype=np.int64))
    with pytest.raises(ValueError, match=r"^samples must be 0 to 255, not 256 at \(0, 0, 0, 0\)$"):
        coder.bits(np.full((1, 1, 1, 1), 256))
    with pytest.raises(TypeError, match=r"^samples must be an array of integers, not of float64$"):
        coder.bits(np.zeros((1, 1, 1, 1)))


def test_rejects_samples_of_more_than_16_bits(make):
    with pytest.raises(ValueError, match=r"^sample must have 1 to 16 bits, not 17$"):
        make(UQ(17))


def test_each_has_a_name_of_its_own():
    names = [maker(UQ(8)).name for maker in MAKERS.values()]
    assert len(set(names)) == len(names)


def test_a_fitted_code_follows_from_counts_alone():
    samples = np.random.default_rng(0).integers(-3, 4, size=(5, 2, 4, 4))
    q = SQ(4)
    fitted, counted = (
        Fitted.fit(samples, q),
        Fitted.of(np.bincount(samples.ravel() & 15, minlength=16), q),
    )
    np.testing.assert_array_equal(fitted.code.lengths, counted.code.lengths)
    np.testing.assert_array_equal(fitted.bits(samples), counted.bits(samples))
    with pytest.raises(ValueError, match=r"^counts must be 16, not of shape \(15,\)$"):
        Fitted.of(np.ones(15, dtype=np.int64), q)
