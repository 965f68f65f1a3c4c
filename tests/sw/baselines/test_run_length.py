import numpy as np
import pytest

from tilefold.baselines.run_length import RunLength
from tilefold_hw.fixed import SQ, UQ


def encode_by_hand(values, width, pairs):
    """The words as Eyeriss's authors tell them, one value after the other."""
    found, run = [], 0
    for place, value in enumerate(values):
        if value == 0 and run < 31 and place < len(values) - 1:
            run += 1
        else:
            found.append((run, value & (1 << width) - 1))
            run = 0
    words = []
    for start in range(0, len(found), pairs):
        word = 0
        for n, (run, level) in enumerate(found[start : start + pairs]):
            word |= (level << 5 | run) << n * (5 + width)
        words.append(word)
    words[-1] |= 1 << 63
    return words


def one_row(*values):
    return np.array(values).reshape(1, 1, -1)


def test_the_example_of_the_paper():
    # Runs 2, 4, 2 in front of levels 12, 53, 22: one word, and the last.
    words = RunLength(UQ(16)).encode(one_row(0, 0, 12, 0, 0, 0, 0, 53, 0, 0, 22))
    assert words.dtype == np.uint64
    expected = 1 << 63 | (22 << 5 | 2) << 42 | (53 << 5 | 4) << 21 | (12 << 5 | 2)
    assert words.tolist() == [expected]


@pytest.mark.parametrize(("q", "pairs"), [(UQ(16), 3), (SQ(16), 3), (UQ(8), 4), (UQ(4), 7)])
@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.97])
def test_matches_an_encoder_value_by_value(q, pairs, zeros):
    rng = np.random.default_rng(0)
    for count in (1, 2, 31, 32, 33, 64, 500):
        values = rng.integers(q.min, q.max + 1, count)
        values[rng.random(count) < zeros] = 0
        words = RunLength(q).encode(one_row(*values))
        assert words.tolist() == encode_by_hand(values.tolist(), q.width, pairs)


@pytest.mark.parametrize("count", [1, 31, 32, 33, 63, 64, 65, 96, 97])
def test_a_long_run_goes_on_behind_a_level_of_zero(count):
    # A pair stands for 32 zeros; three pairs are a word.
    values = one_row(*[0] * count)
    assert RunLength(UQ(16)).bits(values[np.newaxis]).tolist() == [64 * -(-count // 96)]
    np.testing.assert_array_equal(
        RunLength(UQ(16)).decode(RunLength(UQ(16)).encode(values), values.shape), values
    )


def test_without_zeros_16_bit_samples_take_a_third_more():
    samples = np.ones((2, 3, 8, 8), dtype=np.int64)
    assert RunLength(UQ(16)).bits(samples).tolist() == [3 * 64 * 64 // 3] * 2
    assert 3 * 64 * 64 / 3 / (3 * 64 * 16) == 4 / 3


def test_rejects_words_that_do_not_end_with_the_last():
    words = RunLength(UQ(16)).encode(one_row(*range(1, 10)))
    for wrong in (words[:2], words[[2, 2]], words[:1], words[:0]):
        with pytest.raises(
            ValueError, match=r"^words of a map must end with the one that is marked as the last$"
        ):
            RunLength(UQ(16)).decode(wrong, (1, 1, 9))


def test_rejects_words_of_a_map_of_another_size():
    words = RunLength(UQ(16)).encode(one_row(*range(1, 10)))
    with pytest.raises(ValueError, match=r"^words must hold the 10 values of a map, not 9$"):
        RunLength(UQ(16)).decode(words, (1, 1, 10))
    with pytest.raises(ValueError, match=r"^words must hold the 8 values of a map, not 9$"):
        RunLength(UQ(16)).decode(words, (1, 1, 8))
    # Zeros behind the end are more than a word's unused pairs can be.
    words = RunLength(UQ(16)).encode(one_row(*[0] * 96))
    with pytest.raises(ValueError, match=r"^words must hold the 93 values of a map, not 96$"):
        RunLength(UQ(16)).decode(words, (1, 1, 93))
