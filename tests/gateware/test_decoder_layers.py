from dataclasses import replace

import numpy as np
import pytest
from helpers.bench import STALLS, Bench
from helpers.decoders import EIGHT, SMALL, check, decoder, layer_of, random_packets, run_layers
from helpers.host import Host
from helpers.packets import decoded, packet
from helpers.stimuli import random_layer, random_projection

from tilefold_gateware.decoder import Decoder
from tilefold_hw import regs
from tilefold_hw.layer import Clip, Layer
from tilefold_hw.regs import decoder_map
from tilefold_hw.table import Table
from tilefold_hw.writes import decoder_writes


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
