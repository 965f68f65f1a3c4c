from functools import cache

import numpy as np
import pytest
from helpers.bench import STALLS, Bench
from helpers.lanes import joined

from tilefold.model.pack import pack
from tilefold_gateware.pack import Packer
from tilefold_hw import latency
from tilefold_hw.config import CodecConfig

WORDS = (16, 32, 64, 128, 256, 512)


# What words are for so many lanes of fields of 11 bits.
LANES = {1: 16, 2: 32, 4: 64, 8: 128}


@cache
def packer(word_width, sample_width=8, lanes=1):
    config = CodecConfig(word_width=word_width, sample_width=sample_width, lanes=lanes)
    return Bench(Packer(config))


def field_width(bench):
    return bench.dut.config.field.width


def random_packets(bench, widths, seed=0):
    """Fields of the extremes of their *widths*, a list of packets, and random ones."""
    rng = np.random.default_rng(seed)
    packets = []
    for packet in widths:
        low = -(1 << np.array(packet, dtype=np.int64) >> 1)
        high = np.maximum(-low - 1, 0)
        kind = rng.integers(0, 3, len(packet))
        packets.append(np.choose(kind, [low, high, rng.integers(low, high + 1)]))
    return {
        "data": np.concatenate(packets),
        "width": np.concatenate(widths),
        "last": np.concatenate([np.arange(len(x)) == len(x) - 1 for x in widths]),
        "bank": np.concatenate([np.full(len(x), k % 2) for k, x in enumerate(widths)]),
    }


def words_of(bench, items, widths):
    """Words, ``last`` and ``bank`` that the model makes of the packets."""
    fields = np.split(items["data"], np.cumsum([len(x) for x in widths])[:-1])
    words, last, bank = [], [], []
    for k, (values, packet) in enumerate(zip(fields, widths, strict=True)):
        packed = pack(values[None], np.array(packet), bench.dut.config.word_width)
        words += [int.from_bytes(word.tobytes(), "little") for word in packed]
        last += [False] * (len(packed) - 1) + [True]
        bank += [k % 2] * len(packed)
    return words, last, bank


def items_of(bench, fields):
    """Items of as many fields as there are lanes."""
    config = bench.dut.config
    lanes = config.lanes
    return {
        "data": joined(fields["data"], lanes, config.field.width),
        "width": joined(fields["width"], lanes, config.field.width.bit_length()),
        "last": fields["last"][lanes - 1 :: lanes],
        "bank": fields["bank"][::lanes],
    }


def check(bench, widths, **how):
    fields = random_packets(bench, widths)
    words, last, bank = words_of(bench, fields, widths)
    items = items_of(bench, fields)
    run = bench.run(items, len(words), **how)
    assert run.data.tolist() == words
    np.testing.assert_array_equal(run["last"], last)
    np.testing.assert_array_equal(run["bank"], bank)
    return run


def random_widths(bench, fields, packets, seed=0):
    rng = np.random.default_rng(seed)
    most, lanes = field_width(bench), bench.dut.config.lanes
    sizes = [lanes * rng.integers(1, fields + 1) for _ in range(packets)]
    return [rng.integers(0, most + 1, size) for size in sizes]


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("word_width", [16, 64])
def test_matches_the_model(word_width, stall):
    bench = packer(word_width)
    check(bench, random_widths(bench, 25, 10), stall=stall)


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("lanes", [2, 4, 8])
def test_lanes_match_the_model(lanes, stall):
    bench = packer(LANES[lanes], lanes=lanes)
    check(bench, random_widths(bench, 9, 10), stall=stall)


@pytest.mark.parametrize(
    ("lanes", "sample_width", "word_width"),
    [(2, 4, 16), (2, 16, 64), (4, 8, 512), (8, 4, 64), (8, 16, 256)],
)
def test_lanes_match_the_model_with_fields_and_words_of_any_width(lanes, sample_width, word_width):
    bench = packer(word_width, sample_width, lanes)
    widths = random_widths(bench, 24, 5)
    most = field_width(bench)
    # All of the widest, none, and in turn.
    plain = [[most] * 16 * lanes, [0] * 16 * lanes, [most, 0] * 8 * lanes, [0, most] * 8 * lanes]
    check(bench, widths + plain, stall=STALLS["bursts"])


@pytest.mark.parametrize("lanes", [2, 4, 8])
def test_every_lane_meets_every_width_and_every_place_in_a_word(lanes):
    bench = packer(LANES[lanes], lanes=lanes)
    rng = np.random.default_rng(0)
    check(bench, [np.minimum(rng.integers(0, 14, 1200 * lanes), 11), [1] * 130 * lanes])


@pytest.mark.parametrize("word_width", WORDS)
def test_matches_the_model_with_words_of_any_width(word_width):
    bench = packer(word_width)
    check(bench, random_widths(bench, 2 * word_width // 5, 6), stall=STALLS["bursts"])


@pytest.mark.parametrize("sample_width", [4, 8, 9, 11, 12, 16])
def test_matches_the_model_with_fields_of_any_width(sample_width):
    bench = packer(16 if sample_width < 16 else 32, sample_width)
    check(bench, [np.tile(np.arange(field_width(bench) + 1), 4)] * 2)


@pytest.mark.parametrize("word_width", [16, 32])
def test_every_width_meets_every_place_in_a_word(word_width):
    bench = packer(word_width)
    widths = [[1] * start + [width] for start in range(word_width) for width in range(12)]
    check(bench, [np.concatenate(widths)])


@pytest.mark.parametrize("tail", [0, 1, 2, 5])
def test_the_last_word_is_last_where_nothing_but_empty_fields_follow_it(tail):
    # Packets whose bits end on the edge of a word, a bit before it, and a bit past it.
    bench = packer(16)
    packets = [[8, 8], [0, 11, 5], [1] * 16, [7, 8], [8, 8, 1], [11, 11, 10], [1] * 15, [1] * 17]
    run = check(bench, [packet + [0] * tail for packet in packets])
    assert run["last"].sum() == len(packets)


@pytest.mark.parametrize("stall", ["flowing", "late"])
def test_a_packet_without_bits_is_one_word_of_zeros(stall):
    bench = packer(16)
    run = check(bench, [[0] * 16, [0], [0], [11, 11], [0], [11], [0] * 2], stall=STALLS[stall])
    assert run.data[0] == 0


def test_packets_of_one_field_are_a_word_each():
    run = check(packer(16), [[width] for width in range(12)] * 3)
    np.testing.assert_array_equal(np.diff(run.received), 1)


def test_bits_past_the_width_of_a_field_are_cut():
    run = packer(32).run({"data": -1, "width": [3, 0, 5, 11], "last": [0, 0, 0, 1]}, 1)
    assert run.data.tolist() == [(1 << 19) - 1]


@pytest.mark.parametrize(
    ("word_width", "sample_width", "lanes"),
    [(16, 8, 1), (64, 8, 1), (16, 12, 1), (32, 8, 2), (128, 8, 8)],
)
def test_each_word_leaves_when_a_bit_past_it_comes_or_its_packet_ends(
    word_width, sample_width, lanes
):
    bench = packer(word_width, sample_width, lanes)
    widths = random_widths(bench, 60, 8)
    run = check(bench, widths)
    np.testing.assert_array_equal(np.diff(run.sent), 1)
    expected, start = [], 0
    for packet in widths:
        ends = np.cumsum(np.sum(np.reshape(packet, (-1, lanes)), axis=1))
        words = max(1, -(-int(ends[-1]) // word_width))
        past = [int(np.argmax(ends > k * word_width)) for k in range(1, words)]
        expected += [run.sent[start + field] + latency.pack(bench.dut.config) for field in past]
        expected.append(run.sent[start + len(ends) - 1] + latency.pack(bench.dut.config) + 1)
        start += len(ends)
    assert run.received == expected


@pytest.mark.parametrize("fields", [1, 2, 3, 64])
def test_a_field_enters_every_cycle_even_if_each_fills_a_word(fields):
    # 15 bits of 16: nearly a word a field, and the rest of a packet's bits is a word more.
    bench = packer(16, 12)
    run = check(bench, [[15] * fields] * (192 // fields))
    np.testing.assert_array_equal(np.diff(run.sent), 1)


@pytest.mark.parametrize("lanes", [2, 4, 8])
def test_an_item_enters_every_cycle_whatever_its_widths(lanes):
    # All of the widest: two words in three cycles.
    bench = packer(LANES[lanes], lanes=lanes)
    most = field_width(bench)
    for width in (1, most // 2, most):
        run = check(bench, [[width] * 8 * lanes, [width] * 16 * lanes] * 6)
        np.testing.assert_array_equal(np.diff(run.sent), 1)


def test_a_stall_costs_its_own_cycles_and_no_more():
    bench = packer(16, 12)
    widths = [[15] * 200]
    flowing = check(bench, widths)
    for cycles in (1, 4, 9, 40):
        run = check(bench, widths, stall=(0, lambda t, n=cycles: 60 <= t < 60 + n))
        assert run.received[-1] - flowing.received[-1] <= cycles


def test_a_long_stall_finds_room_for_all_in_flight():
    """Packets of one item make a word each: the most that can be under way."""
    for lanes, word_width in LANES.items():
        bench = packer(word_width, lanes=lanes)
        packet = [field_width(bench)] * lanes
        check(bench, [packet] * 80, stall=(0, lambda cycle: 60 <= cycle < 120))


@pytest.mark.parametrize("spoil", [1, 2, 3, 9])
def test_a_reset_forgets_the_word_it_cuts(spoil):
    bench = Bench(Packer(CodecConfig(word_width=16)), resettable=True)
    check(bench, [[11] * 10, [3, 4], [0]], spoil=spoil)
