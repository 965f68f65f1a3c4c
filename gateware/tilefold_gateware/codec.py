"""Codec: encoder and decoder with a memory between them."""

from amaranth.hdl import Module, Value
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from tilefold_hw.config import CodecConfig
from tilefold_hw.raster import RasterConfig
from tilefold_hw.regs import decoder_map, encoder_map

from .arith import shape
from .chain import chain
from .decoder import Decoder
from .encoder import Encoder
from .streams import Bus, framed, laned


class Store(wiring.Component):
    """Memory between an encoder and a decoder: words leave in the order in which they came.

    Latency :data:`tilefold_hw.latency.STORE`; one word a cycle.

    Parameters
    ----------
    config : CodecConfig
        ``memory_words`` is its size.

    Members
    -------
    i : In(stream of framed(word))
    o : Out(stream of framed(word))
    """

    def __init__(self, config: CodecConfig):
        self.config = config
        layout = framed(config.word_width)
        super().__init__({"i": In(stream.Signature(layout)), "o": Out(stream.Signature(layout))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(
            width=len(Value.cast(self.i.payload)), depth=self.config.memory_words
        )
        m.d.comb += [
            queue.w_data.eq(self.i.payload),
            queue.w_en.eq(self.i.valid),
            self.i.ready.eq(queue.w_rdy),
            Value.cast(self.o.payload).eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
        ]
        return m


class Codec(wiring.Component):
    """Encode samples, keep the words in a memory, and decode them.

    One sample a cycle in and out at the same time. Latency :func:`tilefold_hw.latency.codec`.

    Parameters
    ----------
    config : CodecConfig
    raster : RasterConfig
        Maps come and leave by rows: the codec that it names is *config*.

    Members
    -------
    i : In(stream of config.sample)
    o : Out(stream of framed(config.restored))
    encoder_bus, decoder_bus : In(Bus)
        Registers of either side.
    stored : Out(stream payload and strobe)
        The words as they go into the memory: ``word`` counts where ``stored`` is high.
    """

    def __init__(self, config: CodecConfig, raster: RasterConfig | None = None):
        self.config = config
        self.raster = raster
        super().__init__(
            {
                "i": In(stream.Signature(laned(shape(config.sample), config.lanes))),
                "o": Out(stream.Signature(framed(laned(shape(config.restored), config.lanes)))),
                "encoder_bus": In(Bus(encoder_map(config, raster).address_width)),
                "decoder_bus": In(Bus(decoder_map(config, raster).address_width)),
                "stored": Out(1),
                "word": Out(framed(config.word_width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        encoder, decoder = Encoder(self.config, self.raster), Decoder(self.config, self.raster)
        store = Store(self.config)
        chain(
            m,
            i=flipped(self.i),
            encoder=encoder,
            store=store,
            decoder=decoder,
            o=flipped(self.o),
        )
        connect(m, flipped(self.encoder_bus), encoder.bus)
        connect(m, flipped(self.decoder_bus), decoder.bus)
        m.d.comb += [
            self.stored.eq(encoder.o.valid & encoder.o.ready),
            self.word.eq(encoder.o.payload),
        ]
        return m
