from dataclasses import replace

import numpy as np
import pytest
from helpers.bench import STALLS
from helpers.decoders import EIGHT, SMALL, check, decoder, layer_of, random_packets
from helpers.host import Host
from helpers.packets import decoded, lasts, restored_of
from helpers.stimuli import random_projection

from tilefold_hw import latency, regs
from tilefold_hw.budget import packet_cycles, packet_words
from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Clip, Layer
from tilefold_hw.regs import decoder_map
from tilefold_hw.table import Table, uniform
from tilefold_hw.writes import decoder_writes


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
def test_matches_the_model(stall):
    layer = layer_of(SMALL, 3, groups=2, clip=Clip(-20, 200))
    check(decoder(SMALL), random_packets(SMALL, layer, 2), stall=stall)


@pytest.mark.parametrize(
    ("fields", "channels"),
    [
        ({"tile": 4, "channels": 1, "tables": 1, "word_width": 512}, 1),
        ({"tile": 4, "channels": 3, "tables": 1, "sample_width": 4}, 3),
        ({"tile": 7, "sample_width": 9, "sample_signed": True, "word_width": 64}, 2),
        ({"tile": 8, "sample_width": 4, "sample_signed": True, "word_width": 128}, 2),
        ({"tile": 8, "sample_width": 12, "word_width": 16}, 1),
        ({"tile": 8, "sample_width": 16, "word_width": 256, "multiplier_width": 16}, 1),
        ({"tile": 8, "sample_width": 16, "sample_signed": True}, 1),
        ({"tile": 16, "sample_width": 8}, 1),
    ],
    ids=str,
)
def test_matches_the_model_in_any_build(fields, channels):
    config = CodecConfig(**{"channels": 4, "tables": 2, **fields})
    layer = layer_of(config, channels, groups=2 if config.tile < 16 else 1, clip=Clip(0))
    check(decoder(config), random_packets(config, layer, 2), stall=STALLS["bursts"])


def test_fields_at_the_ends_of_their_range():
    # All bits of a word alike, or a field at its least: the coefficients saturate, and the samples.
    width = EIGHT.field.width
    for shift in (0, 3):
        layer = Layer(4, (uniform(8, width, shift),), (0,))
        bits = packet_words(EIGHT, layer) * EIGHT.word_width
        least = sum(1 << place for place in range(width - 1, bits, width))
        values = [0, (1 << bits) - 1, least, ((1 << bits) - 1) ^ least]
        packets = [
            decoded(EIGHT, layer, words=[value >> k & 0xFFFF for k in range(0, bits, 16)])
            for value in values
        ]
        check(decoder(EIGHT), packets)


@pytest.mark.parametrize(
    "table",
    [uniform(4, 0, 0), uniform(4, 1, 9), Table((0,) * 15 + (5,), (0,) * 16)],
    ids=lambda table: "".join(f"{width:x}" for width in table.widths),
)
def test_any_table_gives_whole_packets(table):
    for channels, groups in ((1, 1), (2, 3)):
        layer = Layer(groups, (table,), (0,) * channels)
        check(decoder(SMALL), random_packets(SMALL, layer, 4))


@pytest.mark.parametrize(
    ("config", "channels"), [(SMALL, 2), pytest.param(EIGHT, 1, marks=pytest.mark.slow)]
)
def test_a_sample_a_cycle_over_a_hundred_tile_groups(config, channels):
    layer = layer_of(config, channels, groups=100)
    run = check(decoder(config), random_packets(config, layer, 1))
    assert np.ptp(run.received) + 1 == 100 * config.pixels * channels
    assert packet_cycles(config, layer) == 100 * config.pixels * channels


@pytest.mark.parametrize(("channels", "groups", "count"), [(1, 1, 100), (3, 1, 12), (2, 3, 6)])
def test_a_sample_a_cycle_over_packets_however_short(channels, groups, count):
    density = 0.05 if count == 100 else 0.9
    layer = layer_of(SMALL, channels, groups, density=density)
    run = check(decoder(SMALL), random_packets(SMALL, layer, count))
    np.testing.assert_array_equal(np.diff(run.received), 1)


def test_nearly_a_word_a_sample_can_come():
    config = CodecConfig(tile=8, channels=2, tables=1, sample_width=12, word_width=16)
    layer = Layer(1, (uniform(8, 15, 0),), (0,))
    run = check(decoder(config), random_packets(config, layer, 6))
    np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize(
    ("fields", "channels", "density"),
    [
        ({"tile": 4}, 1, 0.5),
        ({"tile": 4, "word_width": 256}, 3, 0.2),
        ({"tile": 4}, 5, 0.0),
        ({"tile": 7}, 2, 0.3),
        ({"tile": 8}, 1, 1.0),
        ({"tile": 8}, 3, 0.1),
    ],
    ids=str,
)
def test_latency_to_the_first_sample(fields, channels, density):
    config = CodecConfig(**{"channels": 5, "tables": 1, **fields})
    layer = layer_of(config, channels, density=density)
    packets = random_packets(config, layer, 2)
    # The second packet comes on its own: what settles once has settled.
    start = len(packets[0].words)
    run = check(decoder(config), packets, hold={start: 600})
    told = latency.decoder(config, layer)
    assert run.latency == told + latency.SETTLE
    assert run.received[packets[0].restored.size] - run.sent[start] == told


@pytest.mark.parametrize(
    ("inputs", "outputs", "macs"), [(4, 4, 4), (3, 5, 2), (5, 2, 4), (1, 3, 1), (2, 1, 16)]
)
def test_expands_behind_the_transform_as_fast_as_the_budget_says(inputs, outputs, macs):
    config = replace(SMALL, expand_macs=macs)
    rng = np.random.default_rng(0)
    projection = random_projection(rng, config, config.restored, inputs, outputs, Clip(-9, 200))
    layer = layer_of(config, inputs, groups=2, expand=projection)
    packets = random_packets(config, layer, 3)
    start = len(packets[0].words)
    run = check(decoder(config), packets, hold={start: 500})
    first = packets[0].restored.size
    assert run.received[first] - run.sent[start] == latency.decoder(config, layer)
    ends = np.array(run.received)[run["last"] == 1]
    assert ends[2] - ends[1] == packet_cycles(config, layer)


@pytest.mark.parametrize("stall", ["both", "blocked", "bursts"])
def test_expands_with_stalls(stall):
    config = replace(SMALL, expand_macs=2)
    projection = random_projection(np.random.default_rng(0), config, config.restored, 3, 5)
    layer = layer_of(config, 3, groups=2, expand=projection)
    check(decoder(config), random_packets(config, layer, 2), stall=STALLS[stall])


@pytest.mark.parametrize("side", [0, 1])
def test_a_stall_costs_its_own_cycles_and_no_more(side):
    layer = layer_of(SMALL, 2, groups=8, density=1.0)
    packets = random_packets(SMALL, layer, 2)
    flowing = check(decoder(SMALL), packets)
    for cycles in (1, 30, 200):
        stall = [0, 0]
        stall[side] = lambda cycle, cycles=cycles: 200 <= cycle < 200 + cycles
        run = check(decoder(SMALL), packets, stall=tuple(stall))
        assert run.received[-1] - flowing.received[-1] <= cycles


def reader(bench, count, told):
    """Bench that reads the counters and errors when *count* samples have come."""

    async def read(ctx, run):
        host = Host(ctx, bench.dut.bus, bench.dut.regmap)
        while len(run.payloads) < count:
            await ctx.tick()
        # Counters tell an event some cycles later.
        await ctx.tick().repeat(10)
        for name in ("tiles", "words", "stalls", "clipped"):
            told[name] = await host.read(f"{name}_count")
        for name in ("errors", "status", "version", "digest"):
            told[name] = await host.read(name)
        await host.write("control", regs.CLEAR)
        assert await host.read("clipped_count") == 0

    return read


@pytest.mark.parametrize("stall", ["flowing", "both", "blocked"])
def test_counters_are_those_of_the_model(stall):
    bench, told = decoder(SMALL), {}
    layer = layer_of(SMALL, 4, 2, density=0.8, clip=Clip(0, 255))
    packets = random_packets(SMALL, layer, 3)
    samples, _ = restored_of(packets)
    run = check(bench, packets, stall=STALLS[stall], beside=reader(bench, len(samples), told))
    assert packets[0].clipped > 0
    assert told == {
        "tiles": sum(p.tiles for p in packets),
        "words": sum(len(p.words) for p in packets),
        "stalls": run.waited,
        "clipped": sum(p.clipped for p in packets),
        "errors": 0,
        "status": regs.CONFIGURED,
        "version": regs.DECODER,
        "digest": int(SMALL.digest[:8], 16),
    }


@pytest.mark.parametrize("stall", ["flowing", "both"])
@pytest.mark.parametrize("damage", ["dropped", "doubled", "early", "late", "one", "merged"])
def test_a_damaged_packet_is_told_has_all_its_samples_and_hurts_no_other(damage, stall):
    bench, told = decoder(SMALL), {}
    packets = random_packets(SMALL, layer_of(SMALL, 2, 1, seed=2), 4)
    words = [list(p.words) for p in packets]
    assert len(words[1]) > 4
    match damage:
        case "dropped":
            del words[1][2]
        case "doubled":
            words[1].insert(2, words[1][2])
        case "early":
            del words[1][-1]
        case "late":
            words[1] += [0xABCD] * 5
        case "one":
            del words[1][1:]
        case "merged":
            # The word with ``last`` is lost: two packets come as one.
            words[1] = words[1][:-1] + words.pop(2)
            del packets[2]
    items = {"data": np.concatenate(words), "last": lasts(map(len, words))}
    size = packets[0].restored.size
    count = size * len(words)
    run = bench.run(
        items,
        count,
        load=[(bench.dut.bus, decoder_writes(SMALL, packets[0].layer))],
        stall=STALLS[stall],
        beside=reader(bench, count, told),
    )
    assert len(run.payloads) == count
    np.testing.assert_array_equal(run["last"], lasts([size] * len(words)))
    for number, p in enumerate(packets):
        if number != 1:
            part = run.data[number * size : (number + 1) * size]
            np.testing.assert_array_equal(part, p.restored.ravel())
    assert told["errors"] == regs.FRAMING
    assert told["words"] == sum(map(len, words))
    assert told["status"] == regs.CONFIGURED


def test_takes_nothing_before_a_layer_is_committed():
    async def load(ctx, run):
        host = Host(ctx, bench.dut.bus, decoder_map(SMALL))
        writes = list(decoder_writes(SMALL, packets[0].layer))
        await host.load(writes[:-1])
        await ctx.tick().repeat(50)
        assert not run.sent
        await host.load(writes[-1:])

    bench = decoder(SMALL)
    packets = random_packets(SMALL, layer_of(SMALL, 1), 1)
    check(bench, packets, load=(), beside=load)
