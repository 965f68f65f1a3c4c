"""The fronts at an encoder and a decoder."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from helpers.bench import STALLS, Bench
from helpers.lanes import joined, parted
from helpers.packets import decoded, words_of
from helpers.stimuli import random_layer

from tilefold.model.codec import encode
from tilefold.model.raster import to_rows, unraster
from tilefold.model.reorder import to_beats
from tilefold.model.tiles import cut, group_count
from tilefold_gateware.decoder import Decoder
from tilefold_gateware.encoder import Encoder
from tilefold_gateware.raster import Raster, Unraster
from tilefold_gateware.streams import Bus
from tilefold_hw.config import CodecConfig
from tilefold_hw.raster import ORDERS, RasterConfig
from tilefold_hw.regs import decoder_writes, encoder_writes

FOUR = CodecConfig(tile=4, channels=5, tables=3, word_width=16)
LANES = CodecConfig(channels=4, tables=1, lanes=2, word_width=256)


class Fronted(wiring.Component):
    """A side of a codec with its front."""

    def __init__(self, side, front, back):
        self.side, self.front, self.back = side, front, back
        sizes = front if isinstance(front, Raster) else back
        self.ports = {
            name: In(getattr(sizes, name).shape()) for name in ("width", "height", "channels")
        }
        self.sizes = sizes
        super().__init__(
            {
                "i": In(stream.Signature(front.i.payload.shape())),
                "o": Out(stream.Signature(back.o.payload.shape())),
                "bus": In(Bus(side.regmap.address_width)),
                **self.ports,
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules += [self.front, self.back]
        connect(m, flipped(self.i), self.front.i)
        connect(m, self.front.o, self.back.i)
        connect(m, self.back.o, flipped(self.o))
        connect(m, flipped(self.bus), self.side.bus)
        m.d.comb += [getattr(self.sizes, name).eq(getattr(self, name)) for name in self.ports]
        return m


ENDS = [(FOUR, (3, 6, 9)), (LANES, (2, 9, 12))]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("codec", "size"), ENDS, ids=str)
def test_rows_become_the_words_of_the_padded_map(order, codec, size):
    config = RasterConfig(codec, order, 96)
    channels, height, width = size
    rng = np.random.default_rng(0)
    layer = random_layer(rng, codec, channels, group_count(height, width, codec.tile))
    maps = [rng.integers(0, 256, size) for _ in range(2)]
    words = [encode(codec, layer, cut(each, codec.tile)).words for each in maps]
    expected = [int.from_bytes(word.tobytes(), "little") for each in words for word in each]
    encoder = Encoder(codec)
    dut = Bench(Fronted(encoder, Raster(config), encoder))
    rows = np.concatenate([to_rows(config, each) for each in maps]).ravel()
    run = dut.run(
        joined(rows, codec.lanes, 8),
        len(expected),
        load=[(dut.dut.bus, encoder_writes(codec, layer))],
        inputs={"channels": channels, "height": height, "width": width},
        stall=STALLS["bursts"],
    )
    assert run.data.tolist() == expected


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("codec", "size"), ENDS, ids=str)
def test_words_become_rows_without_padding(order, codec, size):
    config = RasterConfig(codec, order, 96)
    channels, height, width = size
    rng = np.random.default_rng(0)
    layer = random_layer(rng, codec, channels, group_count(height, width, codec.tile))
    packets = [decoded(codec, layer, seed=seed) for seed in range(2)]
    kept = [
        unraster(config, to_beats(codec, each.restored), channels, height, width)
        for each in packets
    ]
    decoder = Decoder(codec)
    dut = Bench(Fronted(decoder, decoder, Unraster(config)))
    words, ends = words_of(packets)
    run = dut.run(
        {"data": np.array(words, dtype=object), "last": ends},
        sum(map(len, kept)),
        load=[(dut.dut.bus, decoder_writes(codec, layer))],
        inputs={"channels": channels, "height": height, "width": width},
        stall=STALLS["bursts"],
    )
    bits = codec.lanes * codec.restored.width
    data = [payload & (1 << bits) - 1 for payload in run.payloads]
    data = run.data if codec.lanes == 1 else data
    last = np.concatenate([np.arange(len(each)) == len(each) - 1 for each in kept])
    values = parted(data, codec.lanes, codec.restored.width, signed=True)
    np.testing.assert_array_equal(values, np.concatenate(kept).ravel())
    np.testing.assert_array_equal(run["last"], last)
