"""Encoders under test, and packets for them."""

from functools import cache

import numpy as np

from helpers.bench import Bench
from helpers.host import Host
from helpers.packets import packet, samples_of, words_of
from helpers.stimuli import random_layer
from tilefold_gateware.encoder import Encoder
from tilefold_hw import regs
from tilefold_hw.config import CodecConfig
from tilefold_hw.writes import encoder_writes

SMALL = CodecConfig(tile=4, channels=5, tables=3, word_width=16)
EIGHT = CodecConfig(channels=4, tables=2, word_width=16)


@cache
def encoder(config):
    return Bench(Encoder(config))


def layer_of(config, channels, groups=1, seed=0, **settings):
    return random_layer(np.random.default_rng(seed), config, channels, groups, **settings)


def check(bench, packets, load=None, **how):
    """Send packets of one layer, and compare with the model."""
    dut, config = bench.dut, bench.dut.config
    if load is None:
        load = [(dut.bus, encoder_writes(config, packets[0].layer))]
    words, last = words_of(packets)
    run = bench.run(samples_of(packets), len(words), load=load, **how)
    assert run.data.tolist() == words
    np.testing.assert_array_equal(run["last"], last)
    return run


def random_packets(config, layer, count):
    return [packet(config, layer, seed=seed) for seed in range(count)]


def run_layers(bench, packets, *, early, **how):
    """Send packets of a layer each; a host loads every layer while the one before streams.

    *early* is how many samples of the packet before have been taken when the host starts to write.
    """

    async def load(ctx, run):
        host = Host(ctx, bench.dut.bus, bench.dut.regmap)
        taken = 0
        for p in packets:
            while len(run.sent) < taken - p.samples.size + early and len(run.sent) < taken:
                await ctx.tick()
            while await host.read("status") & regs.BUSY:
                pass
            await host.load(encoder_writes(bench.dut.config, p.layer))
            taken += p.samples.size
            # Samples of the next layer wait for its commit; this one's flow on.
            run.gate = taken
        errors.append(await host.read("errors"))

    errors = []
    run = check(bench, packets, load=(), beside=load, **how)
    assert errors == [0]
    return run
