"""Layers with tiles of 7 and of 8 in one build."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import decoders, encoders
from helpers.bench import STALLS
from helpers.packets import decoded, packet
from helpers.stimuli import random_layer, random_projection

from tilefold_hw import latency
from tilefold_hw.budget import packet_cycles, packet_words
from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Clip

CONFIG = CodecConfig(channels=4, tables=2, word_width=16, sevens=True)
# Coefficients of tiles of 7 have a bit less here than those of tiles of 8.
WIDE = replace(CONFIG, sample_width=16, sample_signed=True, word_width=64)
# Tile, channels and tile groups of layers in a row.
ROWS = [(7, 3, 1), (8, 3, 1), (8, 1, 2), (7, 1, 2), (7, 1, 1), (8, 4, 1), (7, 4, 1), (7, 2, 2)]


def layers(config, rows=ROWS, **projections):
    rng = np.random.default_rng(0)
    return [
        random_layer(
            rng,
            config,
            channels,
            groups,
            tile=tile,
            clip=Clip(-20, 200),
            **{name: make(rng, channels) for name, make in projections.items()},
        )
        for tile, channels, groups in rows
    ]


def encoded_in_a_row(config, chosen, **how):
    packets = [packet(config, layer, seed=k) for k, layer in enumerate(chosen)]
    return encoders.run_layers(encoders.encoder(config), packets, early=1, **how)


def decoded_in_a_row(config, chosen, **how):
    packets = [decoded(config, layer, seed=k) for k, layer in enumerate(chosen)]
    return decoders.run_layers(decoders.decoder(config), packets, early=1, **how)


@pytest.mark.parametrize("stall", STALLS)
def test_an_encoder_takes_layers_of_both_sizes_in_turn(stall):
    encoded_in_a_row(CONFIG, layers(CONFIG), stall=STALLS[stall])


@pytest.mark.parametrize("stall", STALLS)
def test_a_decoder_takes_layers_of_both_sizes_in_turn(stall):
    decoded_in_a_row(CONFIG, layers(CONFIG), stall=STALLS[stall])


@pytest.mark.parametrize("in_a_row", [encoded_in_a_row, decoded_in_a_row])
def test_the_formats_of_eight_hold_those_of_seven(in_a_row):
    assert WIDE.coefficient.width > WIDE.at(7).coefficient.width
    in_a_row(WIDE, layers(WIDE, ROWS[:4]), stall=STALLS["both"])


def test_projectors_take_layers_of_both_sizes_in_turn():
    def projection(q, outputs, inputs):
        return random_projection(rng, config, q, inputs, outputs)

    rng = np.random.default_rng(0)
    config = replace(CONFIG, project_macs=2)
    rows = [(7, 3, 1), (8, 3, 1), (7, 1, 2)]
    chosen = layers(config, rows, project=lambda _, k: projection(config.sample, k, 4))
    encoded_in_a_row(config, chosen, stall=STALLS["both"])
    config = replace(CONFIG, expand_macs=2)
    chosen = layers(config, rows, expand=lambda _, k: projection(config.restored, 4, k))
    decoded_in_a_row(config, chosen, stall=STALLS["both"])


@pytest.mark.parametrize(("tile", "channels"), [(7, 1), (7, 3), (8, 1), (8, 3)])
def test_latency_and_rate_of_an_encoder_are_those_of_a_build_of_that_tile(tile, channels):
    (layer,) = layers(CONFIG, [(tile, channels, 2)])
    assert latency.encoder(CONFIG, layer) == latency.encoder(layer.on(CONFIG), layer)
    packets = encoders.random_packets(CONFIG, layer, 3)
    # The second packet comes on its own: what settles once has settled.
    start = packets[0].samples.size
    run = encoders.check(encoders.encoder(CONFIG), packets, hold={start: 1200})
    words = packet_words(CONFIG, layer)
    assert run.received[words] - run.sent[start] == latency.encoder(CONFIG, layer)
    np.testing.assert_array_equal(np.diff(run.sent[start:]), 1)
    ends = np.array(run.received)[run["last"] == 1]
    assert ends[2] - ends[1] == packet_cycles(CONFIG, layer) == tile * tile * channels * 2


@pytest.mark.parametrize(("tile", "channels"), [(7, 1), (7, 3), (8, 1), (8, 3)])
def test_latency_and_rate_of_a_decoder_are_those_of_a_build_of_that_tile(tile, channels):
    (layer,) = layers(CONFIG, [(tile, channels, 2)])
    assert latency.decoder(CONFIG, layer) == latency.decoder(layer.on(CONFIG), layer)
    packets = decoders.random_packets(CONFIG, layer, 3)
    start = packets[0].restored.size
    words = packet_words(CONFIG, layer)
    run = decoders.check(decoders.decoder(CONFIG), packets, hold={words: 1200})
    assert run.received[start] - run.sent[words] == latency.decoder(CONFIG, layer)
    np.testing.assert_array_equal(np.diff(run.received[start:]), 1)
    ends = np.array(run.received)[run["last"] == 1]
    assert ends[2] - ends[1] == packet_cycles(CONFIG, layer) == tile * tile * channels * 2


@pytest.mark.parametrize("tile", [7, 8])
def test_layers_of_one_size_follow_without_a_bubble(tile):
    # Packets long enough for the host to write the next layer meanwhile.
    chosen = layers(CONFIG, [(tile, 2, 5)] * 3)
    run = encoded_in_a_row(CONFIG, chosen)
    np.testing.assert_array_equal(np.diff(run.sent[1:]), 1)
    run = decoded_in_a_row(CONFIG, chosen)
    np.testing.assert_array_equal(np.diff(run.received), 1)
