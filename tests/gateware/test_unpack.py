from functools import cache
from itertools import chain

import numpy as np
import pytest
from amaranth.sim import Simulator
from helpers.bench import STALLS, Bench
from helpers.lanes import parted
from helpers.stimuli import fill

from tilefold.model.pack import pack, unpack
from tilefold_gateware.unpack import Unpacker
from tilefold_gateware.walk import Walker
from tilefold_hw import latency
from tilefold_hw.config import CodecConfig


@cache
def unpacker(word_width=16, tile=4, sample_width=8, lanes=1):
    config = CodecConfig(
        tile=tile,
        lanes=lanes,
        channels=3,
        tables=2,
        word_width=word_width,
        sample_width=sample_width,
    )
    return Bench(Unpacker(config))


# What words are for so many lanes of fields of 11 bits.
LANES = {1: 16, 2: 32, 4: 64, 8: 128}


def random_tables(config, density=1.0, seed=0):
    """Entries of both banks: ``[bank, table, (width, shift), place]``."""
    rng = np.random.default_rng(seed)
    shape = (2, config.tables, config.pixels)
    widths = rng.integers(1, config.field.width + 1, shape) * (rng.random(shape) < density)
    return np.stack([widths, rng.integers(0, config.shift_max + 1, shape)], axis=2)


def uniform_tables(config, width):
    return np.full((2, config.tables, 2, config.pixels), [[width], [0]])


class Stream:
    """Packets on both banks in turn: words, and what must come of them."""

    def __init__(self, bench, entries, packets, *, groups=1, channels=3, index=(0, 1, 1), seed=0):
        self.bench = bench
        self.config = config = bench.dut.config
        self.word_width = config.word_width
        self.entries, self.index = entries, index
        self.groups, self.channels = groups, channels
        rng = np.random.default_rng(seed)
        self.words = []
        self.fields = []
        for k in range(packets):
            widths = self._of(k, 0)
            low = -(1 << widths >> 1)
            high = np.maximum(-low - 1, 0)
            fields = rng.integers(low, high + 1)
            self.fields.append(fields)
            packed = pack(fields[None], widths, self.word_width)
            self.words.append([int.from_bytes(word.tobytes(), "little") for word in packed])

    def _of(self, packet, part):
        table = self.entries[packet % 2][list(self.index[: self.channels])]
        return np.tile(table[:, part].ravel(), self.groups)

    def run(self, words=None, **how):
        """Send *words*, a list of values a packet that each end with ``last``, and compare."""
        words = self.words if words is None else words
        self.expect = [self._told(k, packet) for k, packet in enumerate(words)]

        async def turn(ctx, _):
            for bank in range(1, len(words)):
                while not (await ctx.tick().sample(dut.begin))[-1]:
                    pass
                ctx.set(dut.next_bank, bank % 2)

        dut = self.bench.dut
        items = {
            "data": np.array(list(chain.from_iterable(words)), dtype=object),
            "last": np.concatenate([np.arange(len(x)) == len(x) - 1 for x in words]),
        }
        fields = np.concatenate(self.expect)
        run = self.bench.run(
            items,
            len(fields) // self.config.lanes,
            inputs={"channels": self.channels, "groups": self.groups, "next_bank": 0, "open": 1},
            load=[
                writes
                for bank in range(2)
                for writes in fill(self.config, dut, self.entries[bank], self.index, bank)
            ],
            beside=turn,
            watch=["framing", "begin", "tile"],
            **how,
        )
        lanes, bits = self.config.lanes, self.config.field.width
        np.testing.assert_array_equal(parted(run.data, lanes, bits, signed=True), fields)
        counts = np.arange(len(words))
        bits = self.config.shift_max.bit_length()
        np.testing.assert_array_equal(
            parted(run["shift"], lanes, bits, signed=False),
            np.concatenate([self._of(k, 1) for k in counts]),
        )
        size = len(self._of(0, 0)) // lanes
        np.testing.assert_array_equal(run["bank"], np.repeat(counts % 2, size))
        np.testing.assert_array_equal(np.flatnonzero(run["last"]), (counts + 1) * size - 1)
        wrong = [len(x) != len(y) for x, y in zip(words, self._framed(words), strict=True)]
        assert len(run.events["framing"]) == sum(wrong)
        assert len(run.events["begin"]) == len(words)
        assert len(run.events["tile"]) == len(words) * self.channels * self.groups
        return run

    def _framed(self, words):
        """As many words as each packet must have."""
        sizes = [max(1, -(-int(self._of(k, 0).sum()) // self.word_width)) for k in range(2)]
        return [[0] * sizes[k % 2] for k in range(len(words))]

    def _told(self, k, words):
        """Fields of packet *k*: those that are not all there are zero."""
        widths = self._of(k, 0)
        here = np.cumsum(widths) <= len(words) * self.word_width
        count = max(1, -(-int(widths.sum()) // self.word_width))
        whole = (words + [0] * count)[:count]
        data = b"".join(int(word).to_bytes(self.word_width // 8, "little") for word in whole)
        array = np.frombuffer(data, dtype=np.uint8).reshape(count, -1)
        return np.where(here, unpack(array, widths, 1)[0], 0)


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("density", [0.15, 1.0])
def test_matches_the_model(density, stall):
    bench = unpacker()
    Stream(bench, random_tables(bench.dut.config, density), 6).run(stall=stall)


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("lanes", [2, 4, 8])
def test_lanes_match_the_model(lanes, stall):
    bench = unpacker(LANES[lanes], 8, lanes=lanes)
    Stream(bench, random_tables(bench.dut.config, 0.7), 4).run(stall=stall)


@pytest.mark.parametrize(
    ("lanes", "sample_width", "word_width"),
    [(2, 4, 16), (2, 16, 64), (4, 8, 512), (8, 4, 64), (8, 16, 256)],
)
def test_lanes_match_the_model_with_fields_and_words_of_any_width(lanes, sample_width, word_width):
    bench = unpacker(word_width, 8, sample_width, lanes)
    config = bench.dut.config
    most = config.field.width
    # Any, all of the widest, none, and in turn.
    turns = uniform_tables(config, most)
    turns[0, :, 0, ::2] = 0
    turns[1, :, 0, 1::2] = 0
    plain = [uniform_tables(config, width) for width in (0, most)]
    for entries in (random_tables(config), turns, *plain):
        run = Stream(bench, entries, 4).run()
        np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize("lanes", [2, 4, 8])
def test_takes_an_item_a_cycle_with_any_tables(lanes):
    bench = unpacker(LANES[lanes], 8, lanes=lanes)
    for seed, density in enumerate((0.05, 0.3, 1)):
        entries = random_tables(bench.dut.config, density, seed)
        run = Stream(bench, entries, 6, channels=1 + seed % 3, seed=seed).run()
        np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize("word_width", [16, 32, 64, 128, 256, 512])
def test_matches_the_model_with_words_of_any_width(word_width):
    bench = unpacker(word_width)
    groups = 1 + word_width // 128
    stream = Stream(bench, random_tables(bench.dut.config, 0.6), 4, groups=groups, channels=2)
    stream.run(stall=STALLS["bursts"])


@pytest.mark.parametrize("sample_width", [4, 9, 12, 16])
@pytest.mark.parametrize("tile", [7, 8])
def test_matches_the_model_with_fields_of_any_width(tile, sample_width):
    bench = unpacker(32, tile, sample_width)
    Stream(bench, random_tables(bench.dut.config), 2, channels=1).run()


@pytest.mark.parametrize("width", range(12))
def test_takes_a_field_a_cycle_whatever_its_width_and_the_length_of_packets(width):
    bench = unpacker(tile=8)
    config = bench.dut.config
    run = Stream(bench, uniform_tables(config, min(width, config.field.width)), 5, channels=1).run()
    np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize(("tile", "width"), [(4, 13), (4, 14), (8, 15)])
def test_takes_a_field_a_cycle_even_if_each_uses_up_a_word(tile, width):
    bench = unpacker(16, tile, 12)
    assert bench.dut.config.field.width >= width
    for channels in (1, 3):
        stream = Stream(bench, uniform_tables(bench.dut.config, width), 8, channels=channels)
        run = stream.run()
        np.testing.assert_array_equal(np.diff(run.received), 1)


def test_takes_a_field_a_cycle_with_any_tables():
    for seed in range(8):
        bench = unpacker(16, 4, 12)
        entries = random_tables(bench.dut.config, [0.05, 0.3, 0.7, 1][seed % 4], seed)
        run = Stream(bench, entries, 6, channels=1 + seed % 3).run()
        np.testing.assert_array_equal(np.diff(run.received), 1)


def test_packets_without_bits_have_a_word_each():
    bench = unpacker()
    for bits in (0, 1):
        entries = uniform_tables(bench.dut.config, 0)
        entries[1, :, 0, 7] = bits
        for stall in ("flowing", "starved", "bursts"):
            stream = Stream(bench, entries, 8, channels=1)
            assert [len(words) for words in stream.words] == [1] * 8
            stream.run(stall=STALLS[stall])


@pytest.mark.parametrize("tail", [0, 1, 4])
def test_a_packet_may_end_on_the_edge_of_a_word(tail):
    # Sixteen bits, thirty-two, then one less and one more, with nothing stored after them.
    bench = unpacker()
    for bits in (16, 32, 15, 31, 17, 33):
        entries = uniform_tables(bench.dut.config, 0)
        widths = [10] * (bits // 10) + [bits % 10]
        entries[:, :, 0, 16 - tail - len(widths) : 16 - tail] = widths
        run = Stream(bench, entries, 6, channels=1).run()
        np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize("lanes", [1, 4, 8])
def test_latency_of_the_walk(lanes):
    async def bench(ctx):
        for name, value in (("channels", 1), ("groups", 1), ("arrive", 1)):
            ctx.set(getattr(dut, name), value)
        ctx.set(dut.o.ready, 1)
        await ctx.tick()
        ctx.set(dut.arrive, 0)
        for cycle in range(1, 100):
            *_, valid = await ctx.tick().sample(dut.o.valid)
            if valid:
                cycles.append(cycle)

    dut = Walker(CodecConfig(lanes=lanes, word_width=128))
    cycles = []
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    first = latency.walk(dut.config)
    assert cycles == list(range(first, first + 64 // lanes))


def test_latency_from_the_first_word_to_the_first_field():
    for lanes, word_width in (*LANES.items(), (8, 512)):
        for width in (0, 10):
            bench = unpacker(word_width, 4 if lanes == 1 else 8, lanes=lanes)
            run = Stream(bench, uniform_tables(bench.dut.config, width), 2).run()
            assert run.latency == latency.unpack(bench.dut.config)


def test_latency_from_a_later_word_to_its_first_field():
    bench = unpacker(tile=8)
    stream = Stream(bench, uniform_tables(bench.dut.config, 5), 1, channels=1)
    run = stream.run(hold={10: 200, 15: 300})
    # Word 10 begins in the middle of field 32, word 15 with field 48.
    assert run.received[31] < 200
    assert run.received[32] == run.sent[10] + latency.fetch(bench.dut.config)
    assert run.received[48] == run.sent[15] + latency.fetch(bench.dut.config)


@pytest.mark.parametrize("lanes", [2, 4, 8])
def test_latency_from_a_later_word_to_its_first_item(lanes):
    # The item that the fifth word has the first bits of.
    bench = unpacker(LANES[lanes], 8, lanes=lanes)
    stream = Stream(bench, uniform_tables(bench.dut.config, 5), 1, channels=3)
    run = stream.run(hold={4: 200})
    item = 4 * LANES[lanes] // (5 * lanes)
    assert run.received[item - 1] < 200
    assert run.received[item] == run.sent[4] + latency.fetch(bench.dut.config)


def test_the_first_word_of_a_packet_may_come_any_time_before_the_end_of_the_one_before():
    bench = unpacker(tile=8)
    stream = Stream(bench, uniform_tables(bench.dut.config, 2), 2, channels=1)
    for cycle in range(50, 90, 3):
        run = stream.run(hold={8: cycle})
        begins = max(run.received[63] + 1, run.sent[8] + latency.unpack(bench.dut.config))
        assert run.received[64] == begins


@pytest.mark.parametrize("stall", ["flowing", "both", "starved", "bursts"])
def test_a_packet_of_any_number_of_words_gives_its_fields_and_hurts_no_other(stall):
    bench = unpacker()
    stream = Stream(bench, random_tables(bench.dut.config, 0.5, seed=3), 12, channels=2)
    words = [list(packet) for packet in stream.words]
    words[1].pop(3)  # a word dropped
    words[3].insert(2, words[3][2])  # a word doubled
    words[4] = words[4][:1]  # last on the first word
    words[6] += [0x1234] * 9  # last much too late
    words[7].append(0xFFFF)  # a word too late, and a short one right behind
    words[8] = words[8][:-1]
    words[9] = words[9][:-1]
    stream.run(words, stall=STALLS[stall])


@pytest.mark.parametrize(("lanes", "tables"), [(1, n) for n in range(6)] + [(2, 3), (8, 4), (8, 5)])
def test_any_tables_with_any_number_of_words(lanes, tables):
    bench = unpacker(LANES[lanes], 4 if lanes == 1 else 8, lanes=lanes)
    rng = np.random.default_rng(tables)
    entries = random_tables(bench.dut.config, [0.0, 0.05, 0.1, 0.3, 0.7, 1][tables], tables)
    stream = Stream(bench, entries, 24, channels=1)
    sizes = [max(1, len(packet) + int(rng.integers(-3, 4))) for packet in stream.words]
    words = [
        [int.from_bytes(rng.bytes(LANES[lanes] // 8), "little") for _ in range(size)]
        for size in sizes
    ]
    stream.run(words, stall=STALLS[["flowing", "both"][tables % 2]])


@pytest.mark.parametrize("width", [4, 8, 10])
def test_any_end_of_a_packet_on_the_edge_of_a_word(width):
    # 64, 128 and 160 bits: whole words. The last field may be empty, or the one before, too.
    bench = unpacker()
    for dropped in (0, 1, 5):
        entries = uniform_tables(bench.dut.config, width)
        entries[1, :, 0, 16 - dropped :] = 0
        stream = Stream(bench, entries, 10, channels=1)
        words = [
            [*packet, 7, 8, 9][: max(1, len(packet) + k // 2 - 2)]
            for k, packet in enumerate(stream.words)
        ]
        stream.run(words)


@pytest.mark.parametrize("spoil", [1, 4, 7])
def test_a_reset_forgets_the_packet_it_cuts(spoil):
    config = unpacker().dut.config
    bench = Bench(Unpacker(config), resettable=True)
    Stream(bench, random_tables(config), 1).run(spoil=spoil)
