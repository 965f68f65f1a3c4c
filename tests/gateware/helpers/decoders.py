"""Decoders under test, and packets for them."""

from functools import cache

import numpy as np

from helpers.bench import Bench
from helpers.packets import decoded, restored_of, words_of
from helpers.stimuli import random_layer
from tilefold_gateware.decoder import Decoder
from tilefold_hw.config import CodecConfig
from tilefold_hw.regs import decoder_writes

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
