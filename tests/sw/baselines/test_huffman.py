import re
from itertools import pairwise

import dahuffman
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilefold.baselines.adaptive import Adaptive
from tilefold.baselines.fitted import Fitted
from tilefold.baselines.huffman import LIMIT, Code, Table, code_lengths, least_bits
from tilefold_hw.fixed import UQ


def entropy(counts):
    """Bits of data of these counts that no code of symbols can go below."""
    seen = counts[counts > 0]
    return float(-(seen * np.log2(seen / seen.sum())).sum())


def kraft(lengths):
    return sum(2.0 ** -int(length) for length in lengths if length)


def another_coder_s_bits(counts):
    """Bits by the codes of dahuffman, which ends its data with a symbol: here, one of ours."""
    frequencies = {symbol: int(n) for symbol, n in enumerate(counts) if n}
    codec = dahuffman.HuffmanCodec.from_frequencies(frequencies, eof=next(iter(frequencies)))
    return sum(n * codec.get_code_table()[symbol][0] for symbol, n in frequencies.items())


def optimum_within(counts, limit):
    """Fewest bits of any code within *limit*, by trying all shapes of trees."""
    counts = sorted(counts, reverse=True)

    def least(place, room, length):
        # Codes grow from the most frequent on; room is what is left of Kraft's sum, in 2**-limit.
        if place == len(counts):
            return 0
        best = float("inf")
        for own in range(length, limit + 1):
            if room >= (len(counts) - place) << limit - own or own < limit:
                left = room - (1 << limit - own)
                if left >= 0:
                    best = min(best, counts[place] * own + least(place + 1, left, own))
        return best

    return least(0, 1 << limit, 1)


counts_of_symbols = st.lists(st.integers(0, 10_000), min_size=2, max_size=60).filter(
    lambda counts: sum(n > 0 for n in counts) > 1
)


@given(counts_of_symbols)
def test_bits_are_those_of_another_coder_and_within_a_bit_of_entropy(counts):
    counts = np.array(counts)
    lengths = code_lengths(counts)
    bits = least_bits(counts)
    assert bits == counts @ lengths == another_coder_s_bits(counts)
    assert entropy(counts) <= bits + 1e-6
    assert bits <= entropy(counts) + counts.sum()
    assert kraft(lengths) == 1
    assert ((lengths > 0) == (counts > 0)).all()


def test_equals_entropy_where_counts_are_powers_of_two():
    counts = 1 << np.array([0, 0, 1, 2, 3, 4, 5])
    assert code_lengths(counts).tolist() == [6, 6, 5, 4, 3, 2, 1]
    assert least_bits(counts) == entropy(counts)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 200), min_size=2, max_size=7), st.integers(3, 6))
def test_no_code_within_the_limit_is_shorter(counts, limit):
    lengths = code_lengths(np.array(counts), limit)
    assert lengths.max() <= limit
    assert kraft(lengths) <= 1
    assert least_bits(np.array(counts), limit) == optimum_within(counts, limit)


def test_the_limit_holds_where_huffman_s_own_code_exceeds_it():
    fibonacci = [1, 1]
    while len(fibonacci) < 30:
        fibonacci.append(sum(fibonacci[-2:]))
    counts = np.array(fibonacci)
    assert code_lengths(counts).max() == 29
    limited = code_lengths(counts, 16)
    assert limited.max() == 16
    assert kraft(limited) <= 1
    assert least_bits(counts) < least_bits(counts, 16) < 1.01 * least_bits(counts)


@pytest.mark.parametrize(
    ("counts", "lengths"), [([7], [1]), ([0, 3, 0], [0, 1, 0]), ([0, 0], [0, 0]), ([4, 4], [1, 1])]
)
def test_one_symbol_takes_a_bit_and_none_takes_nothing(counts, lengths):
    assert code_lengths(np.array(counts)).tolist() == lengths


def test_as_many_symbols_as_the_limit_lets_are_all_of_one_length():
    assert code_lengths(np.arange(1, 17), 4).tolist() == [4] * 16


@pytest.mark.parametrize("limit", [0, 3, 33])
def test_rejects_a_limit_for_which_there_is_no_code(limit):
    with pytest.raises(ValueError, match=f"^limit must be 4 to 32 bits for 9 symbols, not {limit}"):
        code_lengths(np.ones(9, dtype=np.int64), limit)


def test_rejects_counts_below_zero():
    with pytest.raises(ValueError, match=r"^counts must be a row of numbers from 0 on$"):
        code_lengths(np.array([1, -1]))


def test_canonical_codes_follow_each_other():
    # RFC 1951, 3.2.2: the example of its two rules.
    code = Code.canonical(np.array([3, 3, 3, 3, 3, 2, 4, 4]))
    assert [
        f"{value:0{length}b}" for value, length in zip(code.codes, code.lengths, strict=True)
    ] == ["010", "011", "100", "101", "110", "00", "1110", "1111"]


@given(counts_of_symbols, st.integers(0, 2**32 - 1))
def test_no_code_begins_another_and_symbols_come_back(counts, seed):
    counts = np.array(counts)
    code = Code.canonical(code_lengths(counts))
    words = sorted(
        f"{value:0{length}b}"
        for value, length in zip(code.codes, code.lengths, strict=True)
        if length
    )
    assert not any(after.startswith(word) for word, after in pairwise(words))
    symbols = np.random.default_rng(seed).choice(np.flatnonzero(counts), 300)
    stored = code.encode(symbols)
    written = "".join(f"{code.codes[n]:0{code.lengths[n]}b}" for n in symbols)
    assert "".join(f"{byte:08b}" for byte in stored).rstrip("0") == written.rstrip("0")
    assert len(stored) == -(-len(written) // 8)
    np.testing.assert_array_equal(code.decode(stored, 300), symbols)


def test_codes_of_32_bits_come_back():
    code = Code.canonical(np.array([*range(1, LIMIT + 1), LIMIT]))
    symbols = np.random.default_rng(0).permutation(LIMIT + 1)
    np.testing.assert_array_equal(code.decode(code.encode(symbols), LIMIT + 1), symbols)


def test_rejects_lengths_of_no_code():
    with pytest.raises(ValueError, match=r"^lengths of codes must leave a code for every symbol$"):
        Code.canonical(np.array([1, 1, 2]))
    for lengths in ([0, 0], [33, 1], [-1, 1]):
        with pytest.raises(ValueError, match=r"^lengths of codes must be 0 to 32 bits, and not"):
            Code.canonical(np.array(lengths))


def test_rejects_a_symbol_without_a_code():
    code = Code.canonical(np.array([1, 0, 1]))
    with pytest.raises(ValueError, match=r"^symbols must be such as have codes, not 1$"):
        code.encode(np.array([0, 2, 1]))


def test_rejects_bytes_that_hold_less_or_more():
    code = Code.canonical(np.array([1, 2, 2]))
    stored = code.encode(np.array([1, 2] * 4))
    for wrong in (stored[:1], np.append(stored, np.uint8(0))):
        with pytest.raises(ValueError, match=r"^bytes must hold 8 symbols, and nothing else$"):
            code.decode(wrong, 8)


def test_a_table_takes_the_bits_that_it_tells_and_comes_back():
    table = Table(width=3, limit=5)
    lengths = np.array([0, 2, 1, 0, 0, 4, 4, 3])
    values, widths = table.fields(lengths)
    assert values.tolist() == [1, 1, 1, 2, 0, 2, 1, 7, 5, 6]
    assert widths.tolist() == [4] * 5 + [3] * 5
    assert table.bits(lengths) == widths.sum() == 35


def test_a_fitted_code_escapes_what_it_has_not_seen():
    # Seen: 0 four times, 1 twice, 2 once; the escape counts as one more.
    coder = Fitted.fit(np.array([0, 0, 0, 0, 1, 1, 2]).reshape(1, 1, 1, -1), UQ(8))
    assert coder.code.lengths[:4].tolist() == [1, 2, 3, 3 + 8]
    assert (coder.code.lengths[3:] == 11).all()
    samples = np.array([[[[0, 1, 2, 3]]], [[[200, 201, 0, 0]]]])
    assert coder.bits(samples).tolist() == [24, 24]  # 17 and 24 bits, as whole bytes


def test_a_code_that_has_seen_all_needs_no_escape():
    coder = Fitted.fit(np.arange(256).reshape(1, 1, 1, -1), UQ(8))
    assert (coder.code.lengths == 8).all()


def test_an_adaptive_code_pays_for_its_table():
    samples = np.zeros((1, 1, 8, 8), dtype=np.int64)
    # 16 counts of 9 bits, one symbol, and a bit a sample.
    assert Adaptive(UQ(8)).bits(samples).tolist() == [16 * 9 + 8 + 64]


def test_an_adaptive_code_fits_its_map_better_than_another_s():
    rng = np.random.default_rng(0)
    narrow, wide = (np.minimum(rng.geometric(p, (1, 4, 32, 32)) - 1, 255) for p in (0.5, 0.05))
    table = Adaptive(UQ(8)).bits(wide)[0] - 8 * -(-least_bits(np.bincount(wide.ravel())) // 8)
    assert 0 < table < 3000
    assert Adaptive(UQ(8)).bits(wide)[0] < Fitted.fit(narrow, UQ(8)).bits(wide)[0]
    assert Fitted.fit(wide, UQ(8)).bits(wide)[0] < Adaptive(UQ(8)).bits(wide)[0]


def test_rejects_bytes_without_a_whole_table():
    with pytest.raises(ValueError, match=re.escape("bytes must begin with the whole table")):
        Adaptive(UQ(8)).decode(np.zeros(10, dtype=np.uint8), (1, 1, 1))
