from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from helpers.bench import STALLS, Bench
from helpers.host import Host
from helpers.packets import packet, restored_of, samples_of, words_of
from helpers.stimuli import random_layer, random_projection

from tilefold_gateware.codec import Codec, Store
from tilefold_hw import latency, regs
from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Clip
from tilefold_hw.regs import decoder_map, encoder_map
from tilefold_hw.writes import decoder_writes, encoder_writes

SMALL = CodecConfig(tile=4, channels=5, tables=3, word_width=16, memory_words=64)
SEVENS = CodecConfig(channels=5, tables=3, word_width=16, sevens=True)


@cache
def codec(config):
    return Bench(Codec(config))


def layer_of(config, channels, groups=1, seed=0, **settings):
    return random_layer(np.random.default_rng(seed), config, channels, groups, **settings)


def random_packets(config, layer, count):
    return [packet(config, layer, seed=seed) for seed in range(count)]


def check(bench, packets, load=None, **how):
    dut, config = bench.dut, bench.dut.config
    if load is None:
        layer = packets[0].layer
        load = [
            (dut.encoder_bus, encoder_writes(config, layer)),
            (dut.decoder_bus, decoder_writes(config, layer)),
        ]
    samples, last = restored_of(packets)
    run = bench.run(samples_of(packets), len(samples), load=load, watch=["stored"], **how)
    np.testing.assert_array_equal(run.data, samples)
    np.testing.assert_array_equal(run["last"], last)
    assert len(run.events["stored"]) == sum(len(p.words) for p in packets)
    return run


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
def test_matches_the_model(stall):
    layer = layer_of(SMALL, 3, groups=2, clip=Clip(0, 255))
    check(codec(SMALL), random_packets(SMALL, layer, 2), stall=stall)


@pytest.mark.parametrize(
    "fields",
    [
        {"tile": 4, "project_macs": 2, "expand_macs": 3, "memory_words": 16},
        {"tile": 7, "sample_width": 9, "sample_signed": True, "word_width": 64},
        {"tile": 8, "sample_width": 12, "word_width": 256, "channels": 1, "tables": 1},
    ],
    ids=str,
)
def test_matches_the_model_in_any_build(fields):
    config = CodecConfig(**{"channels": 4, "tables": 2, **fields})
    settings = {}
    if config.project_macs:
        rng = np.random.default_rng(0)
        settings = {
            "project": random_projection(rng, config, config.sample, 4, 3),
            "expand": random_projection(rng, config, config.restored, 3, 2),
        }
    layer = layer_of(config, min(3, config.channels), groups=2, **settings)
    check(codec(config), random_packets(config, layer, 1), stall=STALLS["bursts"])


def test_a_sample_a_cycle_in_and_out_over_a_hundred_tile_groups():
    # Four packets: their edges must not show.
    layer = layer_of(SMALL, 1, groups=25)
    run = check(codec(SMALL), random_packets(SMALL, layer, 4))
    np.testing.assert_array_equal(np.diff(run.sent[1:]), 1)
    np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
def test_a_sample_a_cycle_with_tiles_of_eight(channels):
    config = CodecConfig(channels=4, tables=2, word_width=16, memory_words=256)
    layer = layer_of(config, channels, groups=50)
    run = check(codec(config), random_packets(config, layer, 2))
    np.testing.assert_array_equal(np.diff(run.sent[1:]), 1)
    np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize(
    ("fields", "channels", "groups", "density"),
    [
        ({"tile": 4}, 1, 1, 0.5),
        ({"tile": 4}, 3, 1, 1.0),
        ({"tile": 4, "word_width": 256}, 2, 4, 0.2),
        ({"tile": 7}, 2, 1, 0.3),
        ({"tile": 8}, 2, 1, 0.02),
        ({"sevens": True}, 2, 1, 0.3),
    ],
    ids=str,
)
def test_latency_to_the_first_sample(fields, channels, groups, density):
    config = CodecConfig(**{"channels": 5, "tables": 1, **fields})
    layer = layer_of(config, channels, groups, density=density, tile=min(config.tiles))
    packets = random_packets(config, layer, 2)
    # The second packet comes on its own: what settles once has settled.
    start = packets[0].samples.size
    run = check(codec(config), packets, hold={start: 700})
    told = latency.codec(config, layer)
    assert told <= run.latency <= told + 2 * (latency.SETTLE + latency.TURN)
    assert run.received[packets[0].restored.size] - run.sent[start] == told


@pytest.mark.parametrize(("inputs", "outputs", "macs"), [(5, 2, 2), (2, 4, 1)])
def test_latency_with_projectors(inputs, outputs, macs):
    config = replace(SMALL, project_macs=macs, expand_macs=2)
    rng = np.random.default_rng(0)
    layer = layer_of(
        config,
        outputs,
        project=random_projection(rng, config, config.sample, inputs, outputs),
        expand=random_projection(rng, config, config.restored, outputs, 3),
    )
    packets = random_packets(config, layer, 2)
    start = packets[0].samples.size
    run = check(codec(config), packets, hold={start: 900})
    told = latency.codec(config, layer)
    assert run.received[packets[0].restored.size] - run.sent[start] == told


@pytest.mark.parametrize("side", [0, 1])
def test_a_stall_costs_its_own_cycles_and_no_more(side):
    packets = random_packets(SMALL, layer_of(SMALL, 2, groups=8, density=1.0), 2)
    flowing = check(codec(SMALL), packets)
    stall = [0, 0]
    stall[side] = lambda cycle: 300 <= cycle < 500
    run = check(codec(SMALL), packets, stall=tuple(stall))
    assert run.received[-1] - flowing.received[-1] <= 200


@pytest.mark.parametrize("config", [SMALL, SEVENS], ids=["small", "sevens"])
def test_both_sides_change_layers_and_tear_no_packet(config):
    async def load(ctx, run):
        run.gate = 0
        dut = bench.dut
        encoder = Host(ctx, dut.encoder_bus, encoder_map(config))
        decoder = Host(ctx, dut.decoder_bus, decoder_map(config))
        samples = words = 0
        for p in packets:
            # The decoder's next layer is for the packet whose first word is the next to be stored.
            while len(run.events["stored"]) < words or len(run.sent) < samples:
                await ctx.tick()
            for host, writes in ((encoder, encoder_writes), (decoder, decoder_writes)):
                while await host.read("status") & regs.BUSY:
                    pass
                await host.load(writes(config, p.layer))
            samples += p.samples.size
            words += len(p.words)
            run.gate = samples
        errors.extend([await encoder.read("errors"), await decoder.read("errors")])

    layers = [
        layer_of(config, channels, groups, seed, clip=clip, tile=config.tiles[-(seed % 2)])
        for seed, (channels, groups, clip) in enumerate(
            [(3, 1, Clip()), (1, 4, Clip(0)), (1, 2, Clip(0, 99)), (5, 1, Clip()), (2, 2, Clip(3))]
        )
    ]
    bench, errors = codec(config), []
    packets = [packet(config, layer, seed=k) for k, layer in enumerate(layers)]
    check(bench, packets, load=(), beside=load)
    assert errors == [0, 0]


def test_the_words_stored_are_those_of_the_model():
    async def read(ctx, run):
        while len(run.payloads) < restored.size:
            *_, stored, data, last = await ctx.tick().sample(
                dut.stored, dut.word.data, dut.word.last
            )
            if stored:
                words.append((data, bool(last)))

    bench, words = codec(SMALL), []
    dut = bench.dut
    packets = random_packets(SMALL, layer_of(SMALL, 2, 2), 2)
    restored, _ = restored_of(packets)
    check(bench, packets, beside=read, stall=STALLS["both"])
    expected, last = words_of(packets)
    assert words == list(zip(expected, last.tolist(), strict=True))


def test_a_reset_in_mid_tile_leaves_nothing_behind():
    bench = Bench(Codec(SMALL), resettable=True)
    packets = random_packets(SMALL, layer_of(SMALL, 3, 1), 2)
    for spoil in (1, 60):
        check(bench, packets, spoil=spoil)


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
def test_the_store_keeps_words_in_order(stall):
    bench = Bench(Store(CodecConfig(memory_words=16)))
    run = bench.run({"data": np.arange(60), "last": np.arange(60) % 7 == 0}, stall=stall)
    np.testing.assert_array_equal(run.data, np.arange(60))
    np.testing.assert_array_equal(run["last"], np.arange(60) % 7 == 0)


def test_the_store_holds_as_many_words_as_the_configuration_says():
    bench = Bench(Store(CodecConfig(memory_words=16)))
    run = bench.run({"data": np.arange(30)}, stall=(0, lambda cycle: cycle < 60))
    assert sum(cycle < 60 for cycle in run.sent) == 16
    run = bench.run({"data": np.arange(30)})
    assert run.latency == latency.STORE
    np.testing.assert_array_equal(np.diff(run.received), 1)
