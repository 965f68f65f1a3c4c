import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilefold.model import pack as module
from tilefold.model.pack import pack, unpack

WORD_WIDTHS = (8, 16, 32, 64, 128, 256, 512)


def random_fields(rng, groups, widths, extremes=False):
    """Fields of all values that their widths hold, or of the least and the greatest only."""
    low = -(1 << np.array(widths, dtype=np.int64) >> 1)
    high = np.maximum(-low - 1, 0)
    shape = (groups, len(widths))
    if extremes:
        return np.where(rng.random(shape) < 0.5, low, high)
    return rng.integers(low, high + 1, shape)


def pack_bit_by_bit(fields, widths, word_width):
    """The stored stream as the design tells it, as a list of words."""
    bits = [
        value >> place & 1
        for group in fields.tolist()
        for value, width in zip(group, widths, strict=True)
        for place in range(width)
    ]
    words = [
        sum(bit << place for place, bit in enumerate(bits[start : start + word_width]))
        for start in range(0, len(bits), word_width)
    ]
    return words or [0]


def as_integers(words):
    return [int.from_bytes(word.tobytes(), "little") for word in words]


@settings(max_examples=80)
@given(
    st.lists(st.integers(0, 16), min_size=1, max_size=40),
    st.integers(1, 30),
    st.sampled_from(WORD_WIDTHS),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_matches_a_packer_bit_by_bit_and_comes_back(widths, groups, word_width, extremes, seed):
    fields = random_fields(np.random.default_rng(seed), groups, widths, extremes)
    words = pack(fields, np.array(widths), word_width)
    assert words.dtype == np.uint8
    assert words.shape[1] == word_width // 8
    assert as_integers(words) == pack_bit_by_bit(fields, widths, word_width)
    restored = unpack(words, np.array(widths), groups)
    assert restored.dtype == np.int32
    np.testing.assert_array_equal(restored, fields)


@pytest.mark.parametrize("width", range(17))
def test_every_field_of_every_width_comes_back(width):
    # All 2**width values: a group each.
    low = -(1 << width >> 1)
    fields = np.arange(low, low + (1 << width))[:, None]
    words = pack(fields, np.array([width]), 32)
    np.testing.assert_array_equal(unpack(words, np.array([width]), len(fields)), fields)


@pytest.mark.parametrize("chunk", [1, 100, 1000])
@pytest.mark.parametrize("groups", [1, 7, 8, 9, 16, 17, 100])
def test_chunks_do_not_show(groups, chunk, monkeypatch):
    # An odd number of bits: only 8 groups end on a whole byte.
    widths = np.array([5, 0, 16, 1, 3, 7, 2, 11, 12])
    fields = random_fields(np.random.default_rng(0), groups, widths)
    whole = pack(fields, widths, 32)
    monkeypatch.setattr(module, "_CHUNK", chunk)
    np.testing.assert_array_equal(pack(fields, widths, 32), whole)
    np.testing.assert_array_equal(unpack(whole, widths, groups), fields)


def test_a_packet_of_several_chunks_as_they_are_comes_back():
    widths = np.tile([9, 3, 0, 5], 64)
    groups = 2 * module._CHUNK // len(widths) + 3
    fields = random_fields(np.random.default_rng(0), groups, widths)
    words = pack(fields, widths, 64)
    assert len(words) == -(-groups * 17 * 64 // 64)
    np.testing.assert_array_equal(unpack(words, widths, groups), fields)
    # The last group stands where the formula says.
    stream = int.from_bytes(words.tobytes(), "little") >> (groups - 1) * 17 * 64
    assert [stream] == pack_bit_by_bit(fields[-1:], widths.tolist(), 17 * 64)


@pytest.mark.parametrize("word_width", WORD_WIDTHS)
def test_a_packet_without_bits_is_one_word_of_zeros(word_width):
    widths = np.zeros(64, dtype=np.int32)
    fields = np.zeros((5, 64), dtype=np.int32)
    words = pack(fields, widths, word_width)
    np.testing.assert_array_equal(words, np.zeros((1, word_width // 8)))
    np.testing.assert_array_equal(unpack(words, widths, 5), fields)


def test_first_field_is_in_the_least_significant_bits():
    words = pack(np.array([[1, -1, 5]]), np.array([4, 2, 16]), 32)
    assert as_integers(words) == [0b0000_0000_0000_0101_11_0001]


def test_last_word_is_padded_with_zeros_and_padding_is_not_read():
    widths = np.array([3, 4])
    fields = np.array([[-1, -1], [-1, -1], [-1, -1]])
    words = pack(fields, widths, 16)
    assert as_integers(words) == [0xFFFF, 0x001F]
    words[1, 1] = 0xFF
    np.testing.assert_array_equal(unpack(words, widths, 3), fields)


@pytest.mark.parametrize("count", [0, 2, 4])
def test_rejects_another_number_of_words(count):
    # 10 groups of 9 bits: 90 bits, 3 words of 32.
    sentence = f"a packet of this layer must have 3 words, not {count}"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        unpack(np.zeros((count, 4), dtype=np.uint8), np.array([4, 5]), 10)
