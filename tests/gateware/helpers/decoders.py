"""Decoders under test, and packets for them."""

from functools import cache

import numpy as np

from helpers.bench import Bench
from helpers.host import Host
from helpers.packets import decoded, restored_of, words_of
from helpers.stimuli import random_layer
from tilefold_gateware.decoder import Decoder
from tilefold_hw import regs
from tilefold_hw.config import CodecConfig
from tilefold_hw.writes import decoder_writes

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
