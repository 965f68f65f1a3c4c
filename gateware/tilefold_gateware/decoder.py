"""Decoder: memory words back to samples."""

from functools import partial
from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from tilefold_hw.config import CodecConfig
from tilefold_hw.raster import RasterConfig
from tilefold_hw.regs import DECODER, decoder_map

from .arith import shape
from .chain import chain
from .control import Control
from .dct import inverse
from .level import Clipper
from .project import Projector
from .quantise import Dequantiser
from .raster import Unraster
from .streams import Bus, banks, chosen, framed, laned
from .transpose import Transposer
from .unpack import Unpacker
from .watch import Watch


class Decoder(wiring.Component):
    """Decode packets of memory words into tile groups.

    ``unpack ─► dequantise ─► idct ─► clip ─► reorder ─► [expand] ─► [raster]``

    A packet gives the samples that its settings say, whatever words come: if some are missing or
    too many, the sticky error ``framing`` is raised, and the packet after is sound again.

    Latency :func:`tilefold_hw.latency.decoder`; *lanes* samples a cycle, no bubble between
    tile groups or packets, as in :class:`~tilefold_gateware.encoder.Encoder`. Golden model:
    :func:`tilefold.model.codec.decode`.

    Parameters
    ----------
    config : CodecConfig
    raster : RasterConfig
        Maps leave by rows, and a packet is a map: the codec that it names is *config*.

    Members
    -------
    i : In(stream of framed(word))
        Words, ``last`` on the last of a packet.
    o : Out(stream of framed(laned(config.restored)))
        Samples in the order that the encoder took, ``last`` on the last of a packet; or maps, as
        an :class:`~tilefold_gateware.raster.Unraster` gives them.
    bus : In(Bus)
        Registers of :func:`tilefold_hw.regs.decoder_map`. Nothing is taken at ``i`` before a layer
        has been committed.
    """

    def __init__(self, config: CodecConfig, raster: RasterConfig | None = None):
        self.config = config
        self.raster = raster
        self.regmap = decoder_map(config, raster)
        super().__init__(
            {
                "i": In(stream.Signature(framed(config.word_width))),
                "o": Out(stream.Signature(framed(laned(shape(config.restored), config.lanes)))),
                "bus": In(Bus(self.regmap.address_width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.control = control = Control(self.regmap, DECODER, config.digest, config.lanes)
        connect(m, flipped(self.bus), control.bus)

        setting = partial(chosen, control.settings)
        unpack = Unpacker(config)
        clip = Clipper(config)
        sample = laned(shape(config.restored), config.lanes)
        pieces = config.pixels // config.lanes
        less = config.pixels - config.pixels_least
        reorder = Transposer(sample, config.channels, pieces, vary="rows", less=less)
        idct = inverse(config)
        stages: dict[str, Any] = {
            "unpack": unpack,
            "dequantise": Dequantiser(config),
            "idct": idct,
            "clip": clip,
            "reorder": reorder,
        }
        if config.expand_macs:
            expand = Projector(config, config.expand_macs, config.restored, self.regmap)
            stages["expand"] = expand
            expand.run_on(
                m,
                control,
                inputs="channels",
                outputs="outputs",
                low="expand_low",
                high="expand_high",
            )
        m.submodules.watch = watch = Watch(sample)
        chain(m, **stages)
        *_, end = stages.values()
        if self.raster is None:
            connect(m, end.o, watch.i)
        else:
            m.submodules.raster = raster = Unraster(self.raster)
            bank = end.o.payload.bank
            outputs = "outputs" if config.expand_macs else "channels"
            raster.run_on(m, partial(setting, bank), channels=outputs)
            for upstream, downstream in ((end.o, raster.i), (raster.o, watch.i)):
                m.d.comb += [
                    Value.cast(downstream.payload.data).eq(Value.cast(upstream.payload.data)),
                    downstream.payload.last.eq(upstream.payload.last),
                    downstream.valid.eq(upstream.valid),
                    upstream.ready.eq(downstream.ready),
                ]
            m.d.comb += [raster.bank.eq(bank), watch.i.payload.bank.eq(raster.o_bank)]
        connect(m, watch.o, flipped(self.o))

        for counts, settings in zip(banks(reorder.counts), banks(control.settings), strict=True):
            m.d.comb += counts.eq(settings.channels)
        if config.sevens:
            for box in (reorder.smaller, idct.narrow):
                for flag, settings in zip(banks(box), banks(control.settings), strict=True):
                    m.d.comb += flag.eq(settings.seven)
            m.d.comb += unpack.seven.eq(setting(unpack.bank, "seven"))
        word = Signal()
        m.d.sync += word.eq(self.i.valid & self.i.ready)
        m.d.comb += [
            unpack.i.payload.eq(self.i.payload),
            unpack.i.valid.eq(self.i.valid),
            self.i.ready.eq(unpack.i.ready),
            unpack.open.eq(control.open),
            unpack.next_bank.eq(control.next_bank),
            control.begin.eq(unpack.begin),
            unpack.channels.eq(setting(unpack.bank, "channels")),
            unpack.groups.eq(setting(unpack.bank, "groups")),
            clip.low.eq(setting(clip.i.payload.bank, "restore_low")),
            clip.high.eq(setting(clip.i.payload.bank, "restore_high")),
            control.done.eq(watch.done),
            control.done_bank.eq(watch.done_bank),
            control.framing.eq(unpack.framing),
            control.count_tiles.eq(unpack.tile),
            control.count_words.eq(word),
            control.count_stalls.eq(watch.stall),
            control.count_clipped.eq(clip.clipped),
        ]
        for name in ("index", "table"):
            connect(m, getattr(control, name), getattr(unpack, name))
        return m
