from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilefold_hw.budget import (
    bits_per_value,
    group_bits,
    packet_bits,
    packet_cycles,
    packet_samples,
    packet_words,
    pixel_cycles,
)
from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Layer, Projection
from tilefold_hw.table import Table, masked, uniform

CONFIG = CodecConfig()


def projection(outputs, inputs):
    return Projection(((1,) * inputs,) * outputs, (0,) * outputs, (1,) * outputs, (0,) * outputs)


def test_each_channel_counts_the_bits_of_the_table_it_reads():
    tables = (uniform(8, 5, 3), masked(8, [(0, 0), (0, 1)], 7, 2))
    layer = Layer(10, tables, (0, 1, 1))
    assert group_bits(layer) == 320 + 14 + 14
    assert packet_bits(layer) == 3480
    assert packet_words(CONFIG, layer) == 109
    assert packet_words(replace(CONFIG, word_width=512), layer) == 7
    assert packet_samples(CONFIG, layer) == 10 * 64 * 3
    assert bits_per_value(CONFIG, layer) == 109 * 32 / 1920


@pytest.mark.parametrize("tile", [7, 8])
def test_a_layer_that_chooses_its_tile_costs_what_it_does_in_a_build_of_that_tile(tile):
    layer = Layer(5, (uniform(tile, 5, 3),), (0, 0, 0), tile=tile)
    for number in (packet_words, packet_samples, packet_cycles, bits_per_value):
        assert number(replace(CONFIG, sevens=True), layer) == number(
            replace(CONFIG, tile=tile), layer
        )


@given(
    st.lists(st.integers(0, 11), min_size=64, max_size=64),
    st.integers(1, 65535),
    st.integers(1, 64),
    st.sampled_from([16, 32, 64, 128, 256, 512]),
)
def test_words_are_the_bits_rounded_up_and_one_at_least(widths, groups, channels, word_width):
    config = replace(CONFIG, word_width=word_width)
    layer = Layer(groups, (Table(tuple(widths), (0,) * 64),), (0,) * channels)
    words = packet_words(config, layer)
    bits = groups * channels * sum(widths)
    assert words >= 1
    assert words * word_width >= bits
    assert words == 1 or (words - 1) * word_width < bits


def test_a_packet_without_bits_is_one_word():
    layer = Layer(7, (uniform(8, 0, 0),), (0, 0))
    assert packet_bits(layer) == 0
    assert packet_words(CONFIG, layer) == 1
    assert bits_per_value(CONFIG, layer) == 32 / (7 * 64 * 2)


def test_a_rate_told_by_the_values_of_the_map_counts_its_padding_as_cost():
    # A map of 20 × 20 pixels needs 9 tiles, 576 pixels a channel.
    layer = Layer(9, (uniform(8, 4, 4),), (0,) * 16)
    assert bits_per_value(CONFIG, layer) == 4
    assert bits_per_value(CONFIG, layer, values=16 * 20 * 20) == 4 * 576 / 400


def test_a_rate_counts_the_values_in_front_of_the_projector():
    config = replace(CONFIG, project_macs=4)
    layer = Layer(1, (uniform(8, 4, 4),), (0,) * 2, project=projection(2, 8))
    assert bits_per_value(config, layer) == 1


@pytest.mark.parametrize(
    ("macs", "inputs", "outputs", "cycles"),
    [
        (1, 8, 4, 32),  # four passes over the inputs
        (4, 8, 4, 8),  # all outputs in one
        (4, 8, 5, 16),
        (16, 8, 4, 8),  # multipliers without work
        (16, 4, 16, 16),  # leaving takes longer than the sums
        (8, 3, 20, 8 + 8 + 4),  # leaving takes longer than the sums, but for the last pass
        (8, 5, 20, 8 + 8 + 5),
        (1, 1, 1, 1),
    ],
)
def test_cycles_of_a_projected_pixel(macs, inputs, outputs, cycles):
    assert pixel_cycles(macs, inputs, outputs) == cycles


@given(st.integers(1, 64), st.integers(1, 1024), st.integers(1, 1024))
def test_a_projector_is_never_faster_than_its_multipliers_and_its_streams(macs, inputs, outputs):
    cycles = pixel_cycles(macs, inputs, outputs)
    assert cycles >= max(inputs, outputs)
    assert cycles * macs >= inputs * outputs


def test_cycles_of_a_packet_are_those_of_its_slowest_part():
    layer = Layer(10, (uniform(8, 4, 4),), (0,) * 4)
    assert packet_cycles(CONFIG, layer) == 10 * 64 * 4
    both = replace(CONFIG, project_macs=4, expand_macs=2)
    projected = replace(layer, project=projection(4, 6), expand=projection(8, 4))
    # 6 in, 4 stored, 8 out; the one projector takes 6 cycles a pixel, the other 4 · 4.
    assert packet_cycles(both, projected) == 10 * 64 * 16
    assert packet_cycles(replace(both, expand_macs=8), projected) == 10 * 64 * 8
