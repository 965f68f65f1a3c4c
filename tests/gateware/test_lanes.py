from functools import cache

import numpy as np
import pytest
from helpers.bench import STALLS, Bench
from helpers.encoders import layer_of, random_packets
from helpers.lanes import joined, parted
from helpers.packets import lasts, words_of

from tilefold.model.dct import dct, idct
from tilefold.model.reorder import from_beats, to_beats
from tilefold_gateware.dct import Dct, Idct
from tilefold_gateware.decoder import Decoder
from tilefold_gateware.encoder import Encoder
from tilefold_hw import latency
from tilefold_hw.budget import packet_cycles
from tilefold_hw.config import CodecConfig
from tilefold_hw.fixed import SQ
from tilefold_hw.transform import transform
from tilefold_hw.writes import decoder_writes, encoder_writes

BOXES = {"dct": (Dct, dct, latency.dct), "idct": (Idct, idct, latency.idct)}
WORDS = {2: 32, 4: 64, 8: 128}


@cache
def box(name, lanes, sample_width=8):
    return Bench(BOXES[name][0](transform(8, SQ(sample_width), 18), lanes))


def check(name, lanes, sample_width, count=4, **how):
    """Send the tiles that reach furthest, and random ones, and compare with the model."""
    bench = box(name, lanes, sample_width)
    t = bench.dut.transform
    i, o = t.forward_rows.i, t.coefficient
    if name == "idct":
        i, o = o, t.inverse_rows.o
    tiles = np.random.default_rng(0).integers(i.min, i.max + 1, (count, 64))
    tiles[0], tiles[1] = i.min, i.max
    size = tiles.size // lanes
    last = np.arange(1, size + 1) % (128 // lanes) == 0
    items = {"data": joined(tiles.ravel(), lanes, i.width), "last": last}
    run = bench.run(items, **how)
    data = parted(run.data, lanes, o.width, signed=True)
    np.testing.assert_array_equal(data, BOXES[name][1](tiles, t).ravel())
    np.testing.assert_array_equal(run["last"], last)
    return run


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize("lanes", [2, 4, 8])
@pytest.mark.parametrize("stall", ["both", "blocked", "bursts"])
def test_transforms_match_the_model(name, lanes, stall):
    check(name, lanes, 8, stall=STALLS[stall])


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize("lanes", [2, 4, 8])
@pytest.mark.parametrize("sample_width", [4, 8, 16])
def test_transforms_take_an_item_a_cycle_as_late_as_told(name, lanes, sample_width):
    run = check(name, lanes, sample_width)
    bench = box(name, lanes, sample_width)
    assert run.latency == BOXES[name][2](bench.dut.transform, lanes)
    np.testing.assert_array_equal(np.diff(run.sent), 1)
    np.testing.assert_array_equal(np.diff(run.received), 1)


@cache
def side(kind, lanes):
    return Bench(kind(CodecConfig(channels=3, tables=2, lanes=lanes, word_width=WORDS[lanes])))


@pytest.mark.parametrize("lanes", [2, 8])
@pytest.mark.parametrize("stall", ["flowing", "both"])
def test_an_encoder_stores_the_same_words(lanes, stall):
    bench = side(Encoder, lanes)
    config = bench.dut.config
    layer = layer_of(config, 3, groups=2)
    packets = random_packets(config, layer, 2)
    words, last = words_of(packets)
    beats = np.concatenate([to_beats(config, packet.samples) for packet in packets])
    run = bench.run(
        joined(beats.ravel(), lanes, config.sample_width),
        len(words),
        load=[(bench.dut.bus, encoder_writes(config, layer))],
        stall=STALLS[stall],
    )
    assert run.data.tolist() == words
    np.testing.assert_array_equal(run["last"], last)
    if stall == "flowing":
        assert run.latency == latency.encoder(config, layer) + latency.SETTLE
        assert run.sent[-1] - run.sent[1] == 2 * packet_cycles(config, layer) - 2


@pytest.mark.parametrize("lanes", [2, 8])
@pytest.mark.parametrize("stall", ["flowing", "both"])
def test_a_decoder_restores_the_same_samples(lanes, stall):
    bench = side(Decoder, lanes)
    config = bench.dut.config
    layer = layer_of(config, 3, groups=2)
    packets = random_packets(config, layer, 2)
    words, last = words_of(packets)
    run = bench.run(
        {"data": words, "last": last},
        sum(packet.restored.size for packet in packets) // lanes,
        load=[(bench.dut.bus, decoder_writes(config, layer))],
        stall=STALLS[stall],
    )
    beats = parted(run.data, lanes, config.restored.width, signed=True).reshape(-1, lanes)
    restored = np.concatenate([packet.restored for packet in packets])
    np.testing.assert_array_equal(from_beats(config, beats, 3), restored)
    np.testing.assert_array_equal(run["last"], lasts(p.restored.size // lanes for p in packets))
    if stall == "flowing":
        assert run.latency == latency.decoder(config, layer) + latency.SETTLE
