from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from helpers.bench import STALLS, Bench
from helpers.host import Host
from helpers.packets import decoded, lasts, packet, restored_of, words_of
from helpers.stimuli import random_layer, random_projection

from tilefold_gateware.decoder import Decoder
from tilefold_hw import latency, regs
from tilefold_hw.budget import packet_cycles, packet_words
from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Clip, Layer
from tilefold_hw.regs import decoder_map, decoder_writes
from tilefold_hw.table import Table, uniform

SMALL = CodecConfig(tile=4, channels=5, tables=3, word_width=16)
EIGHT = CodecConfig(channels=4, tables=2, word_width=16)


@cache
def decoder(config):
    return Bench(Decoder(config))


def layer_of(config, channels, groups=1, seed=0, **settings):
    return random_layer(np.random.default_rng(seed), config, channels, groups, **settings)


def random_packets(config, layer, count):
    """Packets of words of any bits: their coefficients go anywhere."""
    return [decoded(config, layer, seed=seed) for seed in range(count)]


def items_of(packets):
    words, last = words_of(packets)
    return {"data": np.array(words, dtype=object), "last": last}


def check(bench, packets, load=None, items=None, **how):
    """Send packets of one layer, and compare with the model."""
    if load is None:
        load = [(bench.dut.bus, decoder_writes(bench.dut.config, packets[0].layer))]
    samples, last = restored_of(packets)
    run = bench.run(items or items_of(packets), len(samples), load=load, **how)
    np.testing.assert_array_equal(run.data, samples)
    np.testing.assert_array_equal(run["last"], last)
    return run


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
        await ctx.tick().repeat(3)
        for name in ("tiles", "words", "stalls", "clipped"):
            told[name] = await host.read(f"{name}_count")
        told["errors"] = await host.read("errors")
        told["status"] = await host.read("status")
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


def layers_in_a_row(config, expand=False):
    """Layers that differ in everything."""
    rng = np.random.default_rng(0)
    layers = []
    for channels, groups, density, clip in (
        (3, 2, 0.5, Clip()),
        (3, 3, 1.0, Clip(0)),
        (1, 6, 0.3, Clip(0, 100)),
        (5, 1, 0.5, Clip(-100, -5)),
        (4, 2, 0.0, Clip()),
        (2, 3, 0.7, Clip(0, 255)),
        (2, 4, 0.2, Clip(7, 8)),
    ):
        settings = {"clip": clip}
        if expand:
            outputs = int(rng.integers(1, 6))
            settings["expand"] = random_projection(
                rng, config, config.restored, channels, outputs, clip
            )
        layers.append(random_layer(rng, config, channels, groups, density=density, **settings))
    return layers


def run_layers(bench, packets, *, early, **how):
    """Send packets of a layer each; a host loads every layer while the one before streams.

    *early* is how many words of the packet before have been taken when the host starts to write.
    """

    async def load(ctx, run):
        run.gate = 0
        host = Host(ctx, bench.dut.bus, bench.dut.regmap)
        taken = 0
        for before, p in zip([packets[0], *packets], packets, strict=False):
            while len(run.sent) < taken - len(before.words) + early and len(run.sent) < taken:
                await ctx.tick()
            while await host.read("status") & regs.BUSY:
                pass
            await host.load(decoder_writes(bench.dut.config, p.layer))
            taken += len(p.words)
            # Words of the next layer wait for its commit; this one's flow on.
            run.gate = taken
        errors.append(await host.read("errors"))

    errors = []
    run = check(bench, packets, load=(), beside=load, **how)
    assert errors == [0]
    return run


@pytest.mark.parametrize("stall", ["flowing", "both", "late"])
@pytest.mark.parametrize("early", [1, 3])
def test_layers_change_between_packets_and_tear_none(stall, early):
    layers = layers_in_a_row(SMALL)
    packets = [decoded(SMALL, layer, seed=k) for k, layer in enumerate(layers)]
    run_layers(decoder(SMALL), packets, early=early, stall=STALLS[stall])


@pytest.mark.parametrize("stall", ["flowing", "bursts"])
def test_layers_with_projections_change_between_packets_and_tear_none(stall):
    config = replace(SMALL, expand_macs=2)
    layers = layers_in_a_row(config, expand=True)
    packets = [decoded(config, layer, seed=k) for k, layer in enumerate(layers)]
    run_layers(decoder(config), packets, early=1, stall=STALLS[stall])


def test_a_layer_of_as_many_channels_follows_without_a_bubble():
    # Packets long enough for the host to write the next layer meanwhile.
    layers = [layer_of(SMALL, 3, 10, seed) for seed in range(4)]
    packets = [decoded(SMALL, layer, seed=k) for k, layer in enumerate(layers)]
    run = run_layers(decoder(SMALL), packets, early=1)
    np.testing.assert_array_equal(np.diff(run.received), 1)


def test_a_packet_runs_on_the_layer_of_the_cycle_in_which_its_first_word_was_taken():
    # Packets of a word each: four are taken before the first of them has been walked through.
    async def load(ctx, run):
        run.gate = 0
        host = Host(ctx, bench.dut.bus, bench.dut.regmap)
        await host.load(decoder_writes(SMALL, old))
        run.gate = 1
        while len(run.sent) < 1:
            await ctx.tick()
        *writes, commit = decoder_writes(SMALL, new)
        while await host.read("status") & regs.BUSY:
            pass
        await host.load(writes)
        run.gate = 4
        while len(run.sent) < 4:
            await ctx.tick()
        await host.load([commit])
        assert await host.read("errors") == 0
        assert await host.read("status") == regs.PENDING | regs.BUSY | regs.CONFIGURED
        run.gate = 6
        done.append(True)

    bench, done = decoder(SMALL), []
    old, new = (
        Layer(4, (Table((0,) * 15 + (width,), (4,) * 16),), (0,), clip)
        for width, clip in ((4, Clip()), (3, Clip(-3, 130)))
    )
    packets = [decoded(SMALL, layer, seed=k) for k, layer in enumerate([old] * 4 + [new] * 2)]
    assert all(len(p.words) == 1 for p in packets)
    # The walk through the first packet stands still meanwhile.
    check(bench, packets, load=(), beside=load, stall=(0, lambda cycle: cycle < 400))
    assert done


def test_writes_and_commits_while_busy_change_nothing():
    async def meddle(ctx, run):
        run.gate = 0
        host = Host(ctx, bench.dut.bus, decoder_map(SMALL))
        await host.load(decoder_writes(SMALL, packets[0].layer))
        assert await host.read("status") & regs.PENDING
        # The commit is pending: another layer comes too early.
        await host.load(decoder_writes(SMALL, other))
        assert await host.read("errors") == regs.REFUSED
        await host.write("errors", regs.REFUSED)
        run.gate = len(packets[0].words)
        while len(run.sent) < 3:
            await ctx.tick()
        await host.load(decoder_writes(SMALL, packets[1].layer))
        assert await host.read("errors") == 0
        run.gate += len(packets[1].words)
        # Packet 1 has begun, packet 0 is inside: its bank is not to be written yet.
        while len(run.sent) < len(packets[0].words) + 1:
            await ctx.tick()
        assert await host.read("status") == regs.BUSY | regs.CONFIGURED
        await host.load(decoder_writes(SMALL, other))
        assert await host.read("errors") == regs.REFUSED
        done.append(True)

    bench = decoder(SMALL)
    packets = [decoded(SMALL, layer_of(SMALL, 3, 16, seed), seed=seed) for seed in range(2)]
    other = layer_of(SMALL, 5, 2, seed=9)
    done = []
    check(bench, packets, load=(), beside=meddle)
    assert done


def test_a_reset_in_mid_tile_leaves_nothing_behind():
    bench = Bench(Decoder(SMALL), resettable=True)
    packets = random_packets(SMALL, layer_of(SMALL, 3, 1), 2)
    for spoil in (1, 5, len(packets[0].words), len(packets[0].words) + 4):
        check(bench, packets, spoil=spoil)


def test_decodes_what_the_model_encodes():
    layer = layer_of(EIGHT, 2, groups=2, clip=Clip(0, 255))
    check(decoder(EIGHT), [packet(EIGHT, layer, seed=seed) for seed in range(2)])
