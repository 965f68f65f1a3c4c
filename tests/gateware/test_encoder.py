from dataclasses import replace

import numpy as np
import pytest
from helpers.bench import STALLS
from helpers.encoders import EIGHT, SMALL, check, encoder, layer_of, random_packets
from helpers.host import Host
from helpers.packets import packet, words_of
from helpers.stimuli import plain_tiles, random_projection

from tilefold_hw import latency, regs
from tilefold_hw.budget import packet_cycles, packet_words
from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Clip, Layer
from tilefold_hw.regs import encoder_map
from tilefold_hw.table import Table, masked, triangle, uniform
from tilefold_hw.writes import encoder_writes


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
def test_matches_the_model(stall):
    layer = layer_of(SMALL, 3, groups=2)
    check(encoder(SMALL), random_packets(SMALL, layer, 3), stall=stall)


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
    layer = layer_of(config, channels, groups=2 if config.tile < 16 else 1)
    check(encoder(config), random_packets(config, layer, 2), stall=STALLS["bursts"])


def test_samples_at_the_ends_of_their_range():
    layer = replace(layer_of(EIGHT, 2, density=1.0), groups=6)
    tiles = plain_tiles(8, EIGHT.sample)
    samples = np.stack([tiles, tiles[::-1]], axis=-1)
    check(encoder(EIGHT), [packet(EIGHT, layer, samples)])


@pytest.mark.parametrize(
    "table",
    [
        uniform(4, 0, 0),
        uniform(4, 1, 9),
        uniform(4, SMALL.field.width, 0),
        masked(4, triangle(4, 4), 4, 3),  # 16 bits a tile: each ends on the edge of a word
        masked(4, [(0, 0)], 8, 2),  # and each second one
        masked(4, [(3, 3)], 1, 9),
        Table((0,) * 15 + (5,), (0,) * 16),
    ],
    ids=lambda table: "".join(f"{width:x}" for width in table.widths),
)
def test_any_table_gives_the_words_that_the_budget_promises(table):
    for channels, groups in ((1, 1), (2, 3)):
        layer = Layer(groups, (table,), (0,) * channels)
        run = check(encoder(SMALL), random_packets(SMALL, layer, 4))
        assert len(run.payloads) == 4 * packet_words(SMALL, layer)


@pytest.mark.parametrize(
    ("config", "channels"), [(SMALL, 2), pytest.param(EIGHT, 1, marks=pytest.mark.slow)]
)
def test_a_sample_a_cycle_over_a_hundred_tile_groups(config, channels):
    layer = layer_of(config, channels, groups=100)
    run = check(encoder(config), random_packets(config, layer, 1))
    assert np.ptp(run.sent) + 1 == 100 * config.pixels * channels + latency.SETTLE
    assert packet_cycles(config, layer) == 100 * config.pixels * channels


@pytest.mark.parametrize(("channels", "groups", "count"), [(1, 1, 100), (3, 1, 12), (2, 3, 6)])
def test_a_sample_a_cycle_over_packets_however_short(channels, groups, count):
    layer = layer_of(SMALL, channels, groups, density=0.9)
    run = check(encoder(SMALL), random_packets(SMALL, layer, count))
    np.testing.assert_array_equal(np.diff(run.sent[1:]), 1)
    # The ends of packets are as far apart as the budget says, but for the word that ends the
    # pipeline: the last word of a packet comes when it is known to be.
    ends = np.array(run.received)[run["last"] == 1]
    np.testing.assert_array_equal(np.diff(ends), packet_cycles(SMALL, layer))


def test_nearly_a_word_a_sample_can_leave():
    config = CodecConfig(tile=8, channels=2, tables=1, sample_width=12, word_width=16)
    layer = Layer(1, (uniform(8, 15, 0),), (0,))
    run = check(encoder(config), random_packets(config, layer, 6))
    np.testing.assert_array_equal(np.diff(run.sent[1:]), 1)


@pytest.mark.parametrize(
    ("fields", "channels", "groups", "density"),
    [
        ({"tile": 4}, 1, 1, 0.5),
        ({"tile": 4}, 3, 2, 0.5),
        ({"tile": 4, "word_width": 256}, 2, 4, 0.2),
        ({"tile": 4}, 5, 2, 0.0),
        ({"tile": 4, "word_width": 16}, 2, 1, 0.05),
        ({"tile": 7}, 2, 1, 0.3),
        ({"tile": 8}, 1, 1, 1.0),
        ({"tile": 8, "word_width": 64}, 3, 2, 0.01),
        ({"tile": 16}, 2, 1, 0.5),
    ],
    ids=str,
)
def test_latency_to_the_first_word(fields, channels, groups, density):
    config = CodecConfig(**{"channels": 5, "tables": 1, **fields})
    layer = layer_of(config, channels, groups, density=density)
    run = check(encoder(config), random_packets(config, layer, 1))
    assert run.latency == latency.encoder(config, layer) + latency.SETTLE


PROJECTIONS = [(4, 4, 4), (3, 5, 2), (5, 2, 4), (1, 3, 1), (2, 1, 16), (5, 5, 2)]


@pytest.mark.parametrize("stall", ["both", "blocked", "bursts"])
def test_projects_with_stalls(stall):
    config = replace(SMALL, project_macs=2)
    projection = random_projection(np.random.default_rng(0), config, config.sample, 5, 3)
    layer = layer_of(config, 3, groups=2, project=projection)
    check(encoder(config), random_packets(config, layer, 2), stall=STALLS[stall])


@pytest.mark.parametrize(("inputs", "outputs", "macs"), PROJECTIONS)
def test_projects_in_front_of_the_transform_as_fast_as_the_budget_says(inputs, outputs, macs):
    config = replace(SMALL, project_macs=macs)
    rng = np.random.default_rng(0)
    projection = random_projection(rng, config, config.sample, inputs, outputs, Clip(9, 200))
    layer = layer_of(config, outputs, groups=2, project=projection)
    packets = random_packets(config, layer, 3)
    # The second packet, on its own: what settles once has settled.
    start = packets[0].samples.size
    run = check(encoder(config), packets, hold={start: 500})
    word = len(packets[0].words)
    assert run.received[word] - run.sent[start] == latency.encoder(config, layer)
    # Two in a row.
    ends = np.array(run.received)[run["last"] == 1]
    assert ends[2] - ends[1] == packet_cycles(config, layer)


def test_the_first_packet_behind_a_projector_settles_once():
    config = replace(SMALL, project_macs=4)
    projection = random_projection(np.random.default_rng(0), config, config.sample, 4, 4)
    layer = layer_of(config, 4, project=projection)
    run = check(encoder(config), random_packets(config, layer, 1))
    assert run.latency == latency.encoder(config, layer) + latency.SETTLE


@pytest.mark.parametrize("side", [0, 1])
def test_a_stall_costs_its_own_cycles_and_no_more(side):
    layer = layer_of(SMALL, 2, groups=8, density=1.0)
    packets = random_packets(SMALL, layer, 2)
    flowing = check(encoder(SMALL), packets)
    for cycles in (1, 30, 200):
        stall = [0, 0]
        stall[side] = lambda cycle, cycles=cycles: 200 <= cycle < 200 + cycles
        run = check(encoder(SMALL), packets, stall=tuple(stall))
        assert run.received[-1] - flowing.received[-1] <= cycles


@pytest.mark.parametrize("stall", ["flowing", "both", "blocked"])
def test_counters_are_those_of_the_model(stall):
    async def read(ctx, run):
        host = Host(ctx, bench.dut.bus, encoder_map(SMALL))
        while len(run.payloads) < len(words):
            await ctx.tick()
        # Counters tell an event some cycles later.
        await ctx.tick().repeat(10)
        for name in told:
            told[name] = await host.read(f"{name}_count")
        for name in ("errors", "status", "version", "digest"):
            told[name] = await host.read(name)
        await host.write("control", regs.CLEAR)
        for name in ("tiles", "words", "stalls", "saturated"):
            assert await host.read(f"{name}_count") == 0

    bench = encoder(SMALL)
    packets = random_packets(SMALL, layer_of(SMALL, 4, 2, density=0.8), 3)
    words, _ = words_of(packets)
    told = dict.fromkeys(("tiles", "words", "stalls", "saturated"))
    run = check(bench, packets, stall=STALLS[stall], beside=read)
    assert packets[0].saturated > 0
    assert told == {
        "tiles": sum(p.tiles for p in packets),
        "words": len(words),
        "stalls": run.waited,
        "saturated": sum(p.saturated for p in packets),
        "errors": 0,
        "status": regs.CONFIGURED,
        "version": regs.ENCODER,
        "digest": int(SMALL.digest[:8], 16),
    }


@pytest.mark.parametrize("off", [-1, 1])
def test_a_wrong_number_of_words_is_told(off):
    async def read(ctx, run):
        host = Host(ctx, bench.dut.bus, regmap)
        while len(run.payloads) < len(words):
            await ctx.tick()
        await ctx.tick().repeat(3)
        told.append(await host.read("errors"))

    bench, regmap = encoder(SMALL), encoder_map(SMALL)
    packets = random_packets(SMALL, layer_of(SMALL, 2), 1)
    words, _ = words_of(packets)
    promise = regmap.register("words").address
    writes = [
        (address, value + off if address == promise else value)
        for address, value in encoder_writes(SMALL, packets[0].layer)
    ]
    told = []
    check(bench, packets, load=[(bench.dut.bus, writes)], beside=read)
    assert told == [regs.FRAMING]


def test_takes_nothing_before_a_layer_is_committed():
    async def load(ctx, run):
        host = Host(ctx, bench.dut.bus, encoder_map(SMALL))
        writes = list(encoder_writes(SMALL, packets[0].layer))
        await host.load(writes[:-1])
        await ctx.tick().repeat(50)
        assert not run.sent
        await host.load(writes[-1:])

    bench = encoder(SMALL)
    packets = random_packets(SMALL, layer_of(SMALL, 1), 1)
    check(bench, packets, load=(), beside=load)
