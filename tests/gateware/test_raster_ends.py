"""An encoder and a decoder whose maps come and leave by rows."""

from itertools import chain

import numpy as np
import pytest
from helpers.bench import STALLS, Bench
from helpers.host import Host
from helpers.lanes import joined, parted
from helpers.packets import decoded, words_of
from helpers.stimuli import random_layer

from tilefold.model.codec import encode
from tilefold.model.raster import to_rows, unraster
from tilefold.model.reorder import to_beats
from tilefold.model.tiles import cut, group_count
from tilefold_gateware.decoder import Decoder
from tilefold_gateware.encoder import Encoder
from tilefold_hw import regs
from tilefold_hw.config import CodecConfig
from tilefold_hw.raster import ORDERS, RasterConfig
from tilefold_hw.writes import decoder_writes, encoder_writes

FOUR = CodecConfig(tile=4, channels=5, tables=3, word_width=16)
LANES = CodecConfig(channels=4, tables=1, lanes=2, word_width=256)
SEVENS = CodecConfig(channels=2, tables=2, sevens=True)


def layers_of(codec, shapes):
    """Return a layer for maps of each shape: channels, height, width, and points of a tile."""
    rng = np.random.default_rng(0)
    for channels, height, width, *tile in shapes:
        size = {"tile": tile[0]} if tile else {}
        tile = tile[0] if tile else codec.tile
        yield random_layer(rng, codec, channels, group_count(height, width, tile), **size)


def written(config, shapes):
    """Return for each layer what an encoder is to be loaded with, its items and its words."""
    codec = config.codec
    rng = np.random.default_rng(1)
    for layer, shape in zip(layers_of(codec, shapes), shapes, strict=True):
        load = list(encoder_writes(codec, layer, config, shape[1:3]))
        maps = rng.integers(0, 256, shape[:3])
        words = encode(codec, layer, cut(maps, layer.on(codec).tile)).words
        items = joined(to_rows(config, maps).ravel(), codec.lanes, 8)
        yield load, items, [int.from_bytes(word.tobytes(), "little") for word in words]


def restored(config, shapes):
    """Return for each layer what a decoder is to be loaded with, its packet and its rows."""
    codec = config.codec
    for layer, shape in zip(layers_of(codec, shapes), shapes, strict=True):
        load = list(decoder_writes(codec, layer, config, shape[1:3]))
        packet = decoded(codec, layer)
        beats = to_beats(codec, packet.restored)
        yield load, packet, unraster(config, beats, *shape[:3], tile=layer.on(codec).tile)


def loader(bench, loads, counts, errors, early):
    """Load layers one after the other, each as soon as the one before has begun."""

    async def load(ctx, run):
        run.gate = taken = 0
        host = Host(ctx, bench.dut.bus, bench.dut.regmap)
        for writes, before, count in zip(loads, [0, *counts], counts, strict=False):
            while len(run.sent) < taken - before + min(early, before):
                await ctx.tick()
            while await host.read("status") & regs.BUSY:
                await ctx.tick()
            await host.load(writes)
            taken += count
            run.gate = taken
        errors.append(await host.read("errors"))

    return load


MAPS = {
    "four": (FOUR, [(3, 6, 9), (3, 6, 9), (5, 4, 4), (1, 1, 1), (2, 9, 12)]),
    "lanes": (LANES, [(2, 9, 12), (2, 9, 12), (4, 3, 8)]),
    "sevens": (SEVENS, [(2, 9, 8, 7), (2, 9, 8, 8), (1, 14, 7, 7)]),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("stall", ["both", "blocked"])
@pytest.mark.parametrize("maps", MAPS)
def test_rows_become_the_words_of_the_padded_map(order, stall, maps):
    codec, shapes = MAPS[maps]
    config = RasterConfig(codec, order, 96)
    loads, items, words = zip(*written(config, shapes), strict=True)
    bench = Bench(Encoder(codec, config))
    errors = []
    run = bench.run(
        np.concatenate(items),
        sum(map(len, words)),
        load=(),
        beside=loader(bench, loads, list(map(len, items)), errors, early=1),
        stall=STALLS[stall],
    )
    assert errors == [0]
    assert run.data.tolist() == list(chain.from_iterable(words))
    assert np.flatnonzero(run["last"]).tolist() == (np.cumsum(list(map(len, words))) - 1).tolist()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("stall", ["both", "blocked"])
@pytest.mark.parametrize("maps", MAPS)
def test_words_become_rows_without_padding(order, stall, maps):
    codec, shapes = MAPS[maps]
    config = RasterConfig(codec, order, 96)
    loads, packets, rows = zip(*restored(config, shapes), strict=True)
    bench = Bench(Decoder(codec, config))
    words, ends = words_of(packets)
    errors = []
    run = bench.run(
        {"data": np.array(words, dtype=object), "last": ends},
        sum(map(len, rows)),
        load=(),
        beside=loader(bench, loads, [len(each.words) for each in packets], errors, early=1),
        stall=STALLS[stall],
    )
    assert errors == [0]
    bits = codec.lanes * codec.restored.width
    data = [payload & (1 << bits) - 1 for payload in run.payloads]
    data = run.data if codec.lanes == 1 else data
    values = parted(data, codec.lanes, codec.restored.width, signed=True)
    np.testing.assert_array_equal(values, np.concatenate(rows).ravel())
    assert np.flatnonzero(run["last"]).tolist() == (np.cumsum(list(map(len, rows))) - 1).tolist()


def test_nothing_is_taken_before_a_layer_is_committed():
    config = RasterConfig(FOUR, row_samples=96)
    (writes, items, words), *_ = written(config, [(3, 6, 9)])
    bench = Bench(Encoder(FOUR, config))

    async def load(ctx, run):
        host = Host(ctx, bench.dut.bus, bench.dut.regmap)
        await host.load(writes[:-1])
        await ctx.tick().repeat(50)
        assert not run.sent
        await host.load(writes[-1:])

    assert bench.run(items, len(words), beside=load).data.tolist() == words


def test_a_map_that_does_not_fit():
    config = RasterConfig(FOUR, row_samples=96)
    (layer,) = layers_of(FOUR, [(3, 6, 9)])
    for size, message in (
        ((6, 33), "width of a map of 3 channels must be 1 to 32, not 33"),
        ((0, 9), "height of the map must be 1 to 65535, not 0"),
        ((6, 13), "groups must be 8, the tiles of 6 × 13 pixels, not 6"),
    ):
        for writes in (encoder_writes, decoder_writes):
            with pytest.raises(ValueError, match=f"^{message}$"):
                list(writes(FOUR, layer, config, size))
    with pytest.raises(ValueError, match=r"^row_samples must be at least the 12 samples of 3"):
        RasterConfig(FOUR, row_samples=8).check(3, (6, 9), 4)
