import numpy as np
import pytest

from tilefold.baselines.zero_mask import ZeroMask, sparsity_map, zero_value
from tilefold_hw.fixed import SQ, UQ


def test_a_word_of_mask_then_the_values_that_it_marks():
    samples = np.zeros((1, 2, 16), dtype=np.int64)
    samples[0, 0, [0, 5, 15]] = 0x1234, 0xFFFF, 1
    samples[0, 1, 1] = 7
    words = sparsity_map(UQ(16)).encode(samples)
    assert words.dtype == np.dtype("<u2")
    assert words.tolist() == [0b1000_0000_0010_0001, 0x1234, 0xFFFF, 1, 0b10, 7]


def test_zero_value_masks_32_values():
    samples = np.zeros((1, 1, 64), dtype=np.int64)
    samples[0, 0, [31, 33, 34]] = -1, 2, 3
    words = zero_value(SQ(16)).encode(samples)
    assert words.dtype == np.dtype("<u4")
    # The second mask begins in the middle of a word.
    assert words.tolist() == [1 << 31, 0b110 << 16 | 0xFFFF, 2 << 16, 3]


def test_shorter_samples_are_packed():
    samples = np.zeros((1, 1, 16), dtype=np.int64)
    samples[0, 0, [2, 3, 4]] = 0xAB, 0xCD, 0xEF
    assert sparsity_map(UQ(8)).encode(samples).tolist() == [0b11100, 0xCDAB, 0x00EF]


@pytest.mark.parametrize("make", [sparsity_map, zero_value])
def test_a_bit_a_value_and_those_that_are_not_zero(make):
    samples = np.zeros((2, 4, 8, 8), dtype=np.int64)
    samples[1] = 9
    assert make(UQ(16)).bits(samples).tolist() == [256, 256 + 256 * 16]


def test_the_last_block_is_filled_up():
    samples = np.ones((1, 1, 1, 17), dtype=np.int64)
    assert sparsity_map(UQ(16)).bits(samples).tolist() == [2 * 16 + 17 * 16]
    assert zero_value(UQ(16)).bits(samples).tolist() == [32 + 9 * 32]


def test_rejects_words_with_something_behind():
    samples = np.ones((1, 1, 17), dtype=np.int64)
    words = zero_value(UQ(16)).encode(samples)
    words[-1] |= 1 << 31
    with pytest.raises(ValueError, match=r"^words must hold the 17 values of a map, and nothing e"):
        zero_value(UQ(16)).decode(words, samples.shape)


def test_rejects_a_block_that_is_no_word():
    with pytest.raises(ValueError, match=r"^block must have 8, 16, 32 or 64 values, not 12$"):
        ZeroMask("dozen", 12, UQ(8))
