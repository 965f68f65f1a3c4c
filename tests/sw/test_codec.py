import re
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilefold.model.codec import decode, encode
from tilefold.model.dct import dct
from tilefold.model.project import project
from tilefold_hw.budget import packet_words
from tilefold_hw.config import PRESETS, CodecConfig
from tilefold_hw.fixed import round_shift
from tilefold_hw.layer import Clip, Layer, Projection
from tilefold_hw.table import Table, masked, uniform

CONFIG = CodecConfig(channels=4, tables=2)
LAYER = Layer(2, (uniform(8, 5, 3),), (0, 0, 0))


def says(sentence):
    return f"^{re.escape(sentence)}$"


def random_samples(config, layer, rng):
    q = config.sample
    return rng.integers(q.min, q.max + 1, (layer.groups, config.pixels, layer.channels_in))


def nothing_lost(config):
    """Table that keeps as much of a coefficient as a field can hold."""
    width = config.field.width
    return uniform(config.tile, width, config.coefficient.width - width)


def psnr(config, samples, restored):
    peak = config.sample.max - config.sample.min
    return 20 * np.log10(peak / np.sqrt(np.mean((samples - restored) ** 2.0)))


@st.composite
def configs(draw):
    sample_width = draw(st.integers(4, 16))
    return CodecConfig(
        sample_width=sample_width,
        sample_signed=draw(st.booleans()),
        tile=draw(st.sampled_from([4, 7, 8, 16])),
        channels=8,
        tables=3,
        # A word is wider than a field.
        word_width=draw(st.sampled_from([16, 32, 64, 128, 256, 512][sample_width > 8 :])),
        multiplier_width=draw(st.sampled_from([16, 18])),
    )


def random_layer(config, groups, channels, kept, rng):
    """Layer whose tables keep a share *kept* of the coefficients."""
    tables = tuple(
        Table(tuple((widths * (rng.random(config.pixels) < kept)).tolist()), tuple(shifts.tolist()))
        for widths in rng.integers(0, config.field.width + 1, (3, config.pixels))
        for shifts in [rng.integers(0, config.shift_max + 1, config.pixels)]
    )
    return Layer(groups, tables, tuple(rng.integers(0, 3, channels).tolist()))


@settings(max_examples=60)
@given(
    configs(),
    st.integers(1, 9),
    st.integers(1, 8),
    st.sampled_from([0, 0.01, 0.3, 1]),
    st.integers(0, 2**32 - 1),
)
def test_a_packet_has_the_words_that_the_budget_promises_whatever_the_data(
    config, groups, channels, kept, seed
):
    rng = np.random.default_rng(seed)
    layer = random_layer(config, groups, channels, kept, rng)
    q = config.sample
    samples = random_samples(config, layer, rng)
    for sent in (samples, np.full_like(samples, q.min), np.full_like(samples, q.max)):
        packet = encode(config, layer, sent)
        assert packet.words.dtype == np.uint8
        assert packet.words.shape == (packet_words(config, layer), config.word_width // 8)
        restored = decode(config, layer, packet.words)
        assert restored.dtype == np.int32
        assert restored.shape == sent.shape
        assert config.restored.min <= restored.min()
        assert restored.max() <= config.restored.max


@pytest.mark.parametrize("tile", [7, 8])
@pytest.mark.parametrize("name", ["standard", "precise"])
def test_a_layer_that_chooses_its_tile_stores_what_a_build_of_that_tile_does(name, tile):
    alone = replace(PRESETS[name], tile=tile)
    rng = np.random.default_rng(0)
    layer = replace(random_layer(alone, 3, 4, 0.5, rng), tile=tile)
    samples = random_samples(alone, layer, rng)
    both = replace(PRESETS[name], sevens=True)
    packet = encode(both, layer, samples)
    expected = encode(alone, layer, samples)
    np.testing.assert_array_equal(packet.words, expected.words)
    assert packet.saturated == expected.saturated
    np.testing.assert_array_equal(
        decode(both, layer, packet.words), decode(alone, layer, packet.words)
    )


@pytest.mark.parametrize("name", PRESETS)
def test_what_a_full_table_restores_is_nearly_what_was_sent(name):
    config = PRESETS[name]
    layer = Layer(50, (nothing_lost(config),), (0,) * min(config.channels, 4))
    samples = random_samples(config, layer, np.random.default_rng(0))
    packet = encode(config, layer, samples)
    assert packet.saturated == 0
    restored = decode(config, layer, packet.words)
    # Rounding coefficients costs a mean square of 1/12, as rounding samples does.
    dropped = config.coefficient.width - config.field.width
    assert psnr(config, samples, restored) > 6.02 * (config.sample_width - dropped) + 6


@pytest.mark.parametrize("signed", [False, True])
def test_stream_is_group_by_group_channel_by_channel_in_scan_order(signed):
    config = replace(CONFIG, sample_signed=signed, word_width=64, tables=3)
    rng = np.random.default_rng(0)
    layer = replace(random_layer(config, 3, 3, 0.9, rng), index=(1, 0, 1))
    samples = random_samples(config, layer, rng)
    stream, place, saturated = 0, 0, 0
    for group in samples:
        for channel, number in enumerate(layer.index):
            tile = group[:, channel] - (0 if signed else 128)
            for coefficient, width, shift in zip(
                dct(tile, config.transform).tolist(),
                layer.tables[number].widths,
                layer.tables[number].shifts,
                strict=True,
            ):
                rounded = round_shift(coefficient, shift)
                field = min(max(rounded, -(1 << width >> 1)), (1 << width >> 1) - 1)
                saturated += width > 0 and field != rounded
                stream |= (field & ((1 << width) - 1)) << place
                place += width
    packet = encode(config, layer, samples)
    assert int.from_bytes(packet.words.tobytes(), "little") == stream
    assert packet.saturated == saturated


def test_samples_of_any_kind_of_integer_make_the_same_words():
    samples = random_samples(CONFIG, LAYER, np.random.default_rng(0))
    expected = encode(CONFIG, LAYER, samples)
    for dtype in (np.uint8, np.int16, np.uint32):
        packet = encode(CONFIG, LAYER, samples.astype(dtype))
        np.testing.assert_array_equal(packet.words, expected.words)
        assert packet.saturated == expected.saturated


def test_unsigned_samples_are_their_signed_neighbours_moved():
    signed = replace(CONFIG, sample_signed=True)
    samples = random_samples(CONFIG, LAYER, np.random.default_rng(0))
    packet = encode(CONFIG, LAYER, samples)
    np.testing.assert_array_equal(packet.words, encode(signed, LAYER, samples - 128).words)
    clipped = replace(LAYER, clip=Clip(0))
    restored = decode(CONFIG, clipped, packet.words)
    np.testing.assert_array_equal(restored, decode(signed, LAYER, packet.words) + 128)


def test_a_table_that_drops_all_restores_the_middle_of_the_range():
    layer = Layer(2, (uniform(8, 0, 0),), (0, 0, 0))
    samples = random_samples(CONFIG, layer, np.random.default_rng(0))
    packet = encode(CONFIG, layer, samples)
    np.testing.assert_array_equal(packet.words, np.zeros((1, 4)))
    np.testing.assert_array_equal(decode(CONFIG, layer, packet.words), np.full((2, 64, 3), 128))


def test_the_counter_shows_that_a_dc_saturates():
    # 8-bit coefficients with shift 2 for all: bright tiles lose their DC.
    layer = Layer(2, (uniform(8, 8, 2),), (0, 0, 0))
    bright = np.full((2, 64, 3), 255)
    assert encode(CONFIG, layer, bright).saturated == 6
    assert decode(CONFIG, layer, encode(CONFIG, layer, bright).words).max() < 200
    wide = Layer(2, (masked(8, [(0, 0)], 9, 2),), (0, 0, 0))
    packet = encode(CONFIG, wide, bright)
    assert packet.saturated == 0
    np.testing.assert_allclose(decode(CONFIG, wide, packet.words), bright, rtol=0, atol=1)


@pytest.mark.parametrize("clip", [Clip(), Clip(0), Clip(0, 200), Clip(-20, 10)])
def test_the_decoder_clips_to_the_range_of_the_layer(clip):
    layer = replace(LAYER, tables=(uniform(8, 6, 5),))
    rng = np.random.default_rng(0)
    samples = rng.choice([0, 255], (2, 64, 3))
    packet = encode(CONFIG, layer, samples)
    unclipped = decode(CONFIG, layer, packet.words)
    assert unclipped.min() < 0
    restored = decode(CONFIG, replace(layer, clip=clip), packet.words)
    np.testing.assert_array_equal(restored, np.clip(unclipped, *clip.limits(CONFIG.restored)))


def test_projectors_stand_in_front_and_behind():
    config = replace(CONFIG, project_macs=2, expand_macs=2)
    front = Projection(((64, 64, 0), (0, 64, 64)), (0, 0), (1, 1), (7, 7), Clip(0, 250))
    behind = Projection(((127, 0), (64, 64), (0, 127)), (0, 0, 0), (1, 1, 1), (7, 7, 7), Clip(0))
    layer = Layer(2, (uniform(8, 9, 2),), (0, 0), project=front, expand=behind)
    alone = replace(layer, project=None, expand=None)
    samples = random_samples(config, layer, np.random.default_rng(0))
    packet = encode(config, layer, samples)
    stored = project(samples, front, config.sample)
    np.testing.assert_array_equal(packet.words, encode(CONFIG, alone, stored).words)
    restored = decode(CONFIG, alone, packet.words)
    expected = project(restored, behind, config.restored)
    np.testing.assert_array_equal(decode(config, layer, packet.words), expected)
    assert expected.shape == (2, 64, 3)


@pytest.mark.parametrize("shape", [(2, 64, 4), (3, 64, 3), (2, 63, 3), (64, 3), (2, 8, 8, 3)])
def test_rejects_tile_groups_of_another_shape(shape):
    sentence = f"tile groups of this layer must have shape (2, 64, 3), not {shape}"
    with pytest.raises(ValueError, match=says(sentence)):
        encode(CONFIG, LAYER, np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize(
    ("value", "signed", "sentence"),
    [
        (256, False, "samples must be 0 to 255, not 256 at (1, 63, 2)"),
        (-1, False, "samples must be 0 to 255, not -1 at (1, 63, 2)"),
        (128, True, "samples must be -128 to 127, not 128 at (1, 63, 2)"),
        (-129, True, "samples must be -128 to 127, not -129 at (1, 63, 2)"),
    ],
)
def test_rejects_samples_out_of_range_and_tells_where(value, signed, sentence):
    samples = np.zeros((2, 64, 3), dtype=np.int64)
    samples[1, 63, 2] = value
    with pytest.raises(ValueError, match=says(sentence)):
        encode(replace(CONFIG, sample_signed=signed), LAYER, samples)


@pytest.mark.parametrize(
    ("samples", "kind"),
    [
        (np.zeros((2, 64, 3)), "of float64"),
        (np.zeros((2, 64, 3), dtype=bool), "of bool"),
        ([[[0] * 3] * 64] * 2, "list"),
    ],
)
def test_rejects_samples_of_another_kind(samples, kind):
    sentence = f"samples must be an array of integers, not {kind}"
    with pytest.raises(TypeError, match=says(sentence)):
        encode(CONFIG, LAYER, samples)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (np.zeros((60, 2), np.uint8), "uint8[60, 2]"),
        (np.zeros((60, 4), np.int8), "int8[60, 4]"),
        (np.zeros(60, np.uint32), "uint32[60]"),
        (np.zeros((1, 60, 4), np.uint8), "uint8[1, 60, 4]"),
    ],
)
def test_rejects_words_of_another_shape_or_kind(words, shown):
    with pytest.raises(ValueError, match=says(f"words must be uint8[words, 4], not {shown}")):
        decode(CONFIG, LAYER, words)


def test_rejects_words_that_are_no_array():
    sentence = "words must be an array of integers, not bytes"
    with pytest.raises(TypeError, match=says(sentence)):
        decode(CONFIG, LAYER, bytes(240))


@pytest.mark.parametrize("count", [0, 59, 61])
def test_rejects_another_number_of_words(count):
    sentence = f"a packet of this layer must have 60 words, not {count}"
    with pytest.raises(ValueError, match=says(sentence)):
        decode(CONFIG, LAYER, np.zeros((count, 4), dtype=np.uint8))


def test_rejects_a_layer_that_does_not_fit_both_ways():
    layer = replace(LAYER, index=(0,) * 5)
    sentence = "channels of the layer must be 1 to 4, not 5"
    with pytest.raises(ValueError, match=says(sentence)):
        encode(CONFIG, layer, np.zeros((2, 64, 5), dtype=np.uint8))
    with pytest.raises(ValueError, match=says(sentence)):
        decode(CONFIG, layer, np.zeros((100, 4), dtype=np.uint8))


def test_encodes_a_million_samples_in_half_a_second_of_one_core():
    config = CodecConfig()
    layer = Layer(1024, (uniform(8, 5, 3),), (0,) * 16)
    samples = random_samples(config, layer, np.random.default_rng(0)).astype(np.uint8)
    assert samples.size == 1 << 20
    times = []
    for _ in range(3):
        start = time.process_time()
        encode(config, layer, samples)
        times.append(time.process_time() - start)
    # 0.05 s where this was written.
    assert min(times) < 0.5
