from dataclasses import replace

import numpy as np
import pytest
from helpers.bench import STALLS, Bench
from helpers.encoders import SMALL, check, encoder, layer_of, random_packets, run_layers
from helpers.host import Host
from helpers.packets import packet
from helpers.stimuli import random_layer, random_projection

from tilefold_gateware.encoder import Encoder
from tilefold_hw import regs
from tilefold_hw.regs import encoder_map
from tilefold_hw.writes import encoder_writes


def layers_in_a_row(config, project=False):
    """Layers that differ in everything."""
    rng = np.random.default_rng(0)
    layers = []
    for channels, groups, density in (
        (3, 2, 0.5), (3, 3, 1.0), (1, 6, 0.3), (5, 1, 0.5), (4, 2, 0.0), (2, 3, 0.7), (2, 4, 0.2)
    ):  # fmt: skip
        settings = {}
        if project:
            inputs = int(rng.integers(1, 6))
            settings["project"] = random_projection(rng, config, config.sample, inputs, channels)
        layers.append(random_layer(rng, config, channels, groups, density=density, **settings))
    return layers


@pytest.mark.parametrize("stall", ["flowing", "both", "late"])
@pytest.mark.parametrize("early", [1, 30])
def test_layers_change_between_packets_and_tear_none(stall, early):
    packets = [packet(SMALL, layer, seed=k) for k, layer in enumerate(layers_in_a_row(SMALL))]
    run_layers(encoder(SMALL), packets, early=early, stall=STALLS[stall])


@pytest.mark.parametrize("stall", ["flowing", "bursts"])
def test_layers_with_projections_change_between_packets_and_tear_none(stall):
    config = replace(SMALL, project_macs=2)
    layers = layers_in_a_row(config, project=True)
    packets = [packet(config, layer, seed=k) for k, layer in enumerate(layers)]
    run_layers(encoder(config), packets, early=1, stall=STALLS[stall])


def test_a_layer_of_as_many_channels_follows_without_a_bubble():
    # Packets long enough for the host to write the next layer meanwhile.
    layers = [layer_of(SMALL, 3, 10, seed) for seed in range(4)]
    packets = [packet(SMALL, layer, seed=k) for k, layer in enumerate(layers)]
    run = run_layers(encoder(SMALL), packets, early=1)
    np.testing.assert_array_equal(np.diff(run.sent[1:]), 1)


def test_writes_and_commits_while_busy_change_nothing():
    async def meddle(ctx, run):
        run.gate = 0
        host = Host(ctx, bench.dut.bus, encoder_map(SMALL))
        await host.load(encoder_writes(SMALL, packets[0].layer))
        assert await host.read("status") & regs.PENDING
        # The commit is pending: another layer comes too early.
        await host.load(encoder_writes(SMALL, other))
        assert await host.read("errors") == regs.REFUSED
        await host.write("errors", regs.REFUSED)
        run.gate = packets[0].samples.size
        while len(run.sent) < 40:
            await ctx.tick()
        # Now the other bank is free, then pending.
        await host.load(encoder_writes(SMALL, packets[1].layer))
        assert await host.read("errors") == 0
        await host.load(encoder_writes(SMALL, other))
        assert await host.read("errors") == regs.REFUSED
        await host.write("errors", regs.REFUSED)
        run.gate += packets[1].samples.size
        # Packet 1 has begun, packet 0 is inside: its bank is not to be written yet.
        while len(run.sent) < packets[0].samples.size + 2:
            await ctx.tick()
        assert await host.read("status") == regs.BUSY | regs.CONFIGURED
        await host.load(encoder_writes(SMALL, other))
        assert await host.read("errors") == regs.REFUSED
        done.append(True)

    bench = encoder(SMALL)
    # The last word of packet 0 comes late enough for the host to meddle.
    packets = [packet(SMALL, layer_of(SMALL, 3, 16, seed), seed=seed) for seed in range(2)]
    other = layer_of(SMALL, 5, 2, seed=9)
    done = []
    check(bench, packets, load=(), beside=meddle)
    assert done


def test_a_reset_in_mid_tile_leaves_nothing_behind():
    bench = Bench(Encoder(SMALL), resettable=True)
    for spoil in (1, 17, 50, 100):
        check(bench, random_packets(SMALL, layer_of(SMALL, 3, 1), 2), spoil=spoil)
