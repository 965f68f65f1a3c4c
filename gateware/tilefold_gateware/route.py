"""Route: what data takes which way through a device."""

from amaranth.hdl import Module, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from tilefold_hw.device import DeviceConfig, Mode
from tilefold_hw.regs import decoder_map, encoder_map

from .arith import shape
from .codec import Store
from .decoder import Decoder
from .encoder import Encoder
from .octets import Gatherer, Scatterer
from .selftest import Pattern, Signer, Stopwatch
from .streams import Bus, framed


class Route(wiring.Component):
    """Encoder, decoder, the store between them, and the way that ``mode`` says.

    Parameters
    ----------
    config : DeviceConfig

    Members
    -------
    i : In(stream of framed(8 bits))
    o : Out(stream of 8 bits)
    mode : In(2)
        One of :class:`~tilefold_hw.device.Mode`, to be changed while nothing is inside. Through one
        that was not built nothing goes.
    run, items : In(1), In(32)
        Begin the self-test anew, with so many items.
    left, cycles, words, samples : Out(32)
        Registers of the self-test.
    encoder_bus, decoder_bus : In(Bus)
        Registers of the sides that there are.
    """

    def __init__(self, config: DeviceConfig):
        self.config = config
        members = {
            "i": In(stream.Signature(framed(8))),
            "o": Out(stream.Signature(8)),
            "mode": In(2),
            "run": In(1),
            "items": In(32),
            **dict.fromkeys(("left", "cycles", "words", "samples"), Out(32)),
        }
        if config.encoder:
            members["encoder_bus"] = In(Bus(encoder_map(config.codec).address_width))
        if config.decoder:
            members["decoder_bus"] = In(Bus(decoder_map(config.codec).address_width))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        config, codec = self.config, self.config.codec
        sample, restored = (shape(q) for q in (codec.sample, codec.restored))
        sizes = config.sample_bytes
        if config.encoder:
            m.submodules.encoder = encoder = Encoder(codec)
            m.submodules.samples_in = samples_in = Gatherer(sample, sizes[0], codec.lanes)
            m.submodules.words_out = words_out = Scatterer(codec.word_width, config.word_bytes)
            m.submodules.pattern = pattern = Pattern(codec)
            connect(m, flipped(self.encoder_bus), encoder.bus)
        if config.decoder:
            m.submodules.decoder = decoder = Decoder(codec)
            m.submodules.words_in = words_in = Gatherer(codec.word_width, config.word_bytes)
            m.submodules.samples_out = samples_out = Scatterer(restored, sizes[1], codec.lanes)
            connect(m, flipped(self.decoder_bus), decoder.bus)
        if config.encoder and config.decoder:
            m.submodules.store = store = Store(codec)

        ways = {}
        with m.Switch(self.mode):
            if Mode.ENCODE in config.modes:
                with m.Case(Mode.ENCODE):
                    flow(m, self.i, samples_in.i)
                    flow(m, samples_in.o, encoder.i, samples_in.o.payload.data)
                    flow(m, encoder.o, words_out.i, encoder.o.payload.data)
                    flow(m, words_out.o, self.o)
            if Mode.DECODE in config.modes:
                with m.Case(Mode.DECODE):
                    flow(m, self.i, words_in.i)
                    flow(m, words_in.o, decoder.i)
                    flow(m, decoder.o, samples_out.i, decoder.o.payload.data)
                    flow(m, samples_out.o, self.o)
            if Mode.ROUNDTRIP in config.modes:
                with m.Case(Mode.ROUNDTRIP):
                    flow(m, self.i, samples_in.i)
                    flow(m, samples_in.o, encoder.i, samples_in.o.payload.data)
                    flow(m, encoder.o, store.i)
                    flow(m, store.o, decoder.i)
                    flow(m, decoder.o, samples_out.i, decoder.o.payload.data)
                    flow(m, samples_out.o, self.o)
            if Mode.SELFTEST in config.modes:
                with m.Case(Mode.SELFTEST):
                    flow(m, pattern.o, encoder.i)
                    ways = {"words": encoder.o}
                    if config.decoder:
                        flow(m, encoder.o, store.i)
                        flow(m, store.o, decoder.i)
                        ways["samples"] = decoder.o
                    m.d.comb += list(ways.values())[-1].ready.eq(1)
        if ways:
            self._watch(m, pattern, ways)
        return m

    def _watch(self, m, pattern, ways):
        """Sign the items that come by, and time those that leave."""
        m.submodules.stopwatch = stopwatch = Stopwatch()
        tests = self.mode == Mode.SELFTEST
        for name, way in ways.items():
            item = Value.cast(way.payload.data)
            m.submodules[f"{name}_signer"] = signer = Signer(len(item))
            passes = way.valid & way.ready & tests
            m.d.comb += [
                signer.restart.eq(self.run),
                signer.step.eq(passes),
                signer.data.eq(item),
                getattr(self, name).eq(signer.value),
            ]
        m.d.comb += [
            pattern.restart.eq(self.run),
            pattern.items.eq(self.items),
            self.left.eq(pattern.left),
            stopwatch.restart.eq(self.run),
            stopwatch.start.eq(pattern.o.valid & pattern.o.ready),
            stopwatch.stop.eq(passes),
            self.cycles.eq(stopwatch.cycles),
        ]


def flow(m: Module, source, sink, payload=None) -> None:
    """Let *sink* take what *source* offers, or the part of it that *payload* is."""
    m.d.comb += [
        sink.payload.eq(source.payload if payload is None else payload),
        sink.valid.eq(source.valid),
        source.ready.eq(sink.ready),
    ]
