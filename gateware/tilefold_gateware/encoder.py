"""Encoder: samples to memory words."""

from functools import partial

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from tilefold_hw.config import CodecConfig
from tilefold_hw.raster import RasterConfig
from tilefold_hw.regs import ENCODER, encoder_map, words_most

from .arith import shape
from .chain import chain
from .control import Control
from .dct import forward
from .frame import Framer
from .level import Centre
from .pack import Packer
from .project import Projector
from .quantise import Quantiser
from .raster import Raster
from .streams import Bus, banks, chosen, framed, laned
from .tally import Tally
from .transpose import Transposer
from .watch import Watch


class Encoder(wiring.Component):
    """Encode tile groups into packets of memory words.

    ``[raster] ─► frame ─► [project] ─► reorder ─► centre ─► dct ─► quantise ─► pack``

    The words of a packet are known from its settings alone: ``words(packet) = max(1, ⌈Σ width /
    word_width⌉)``. They are counted, and compared with the number that the host wrote.

    Latency :func:`tilefold_hw.latency.encoder`; *lanes* samples a cycle, no bubble between tile
    groups or packets (a projector may need longer: :func:`tilefold_hw.budget.packet_cycles`;
    packets with another number of channels wait until the reorder memory has drained, those with
    tiles of another size until that and the transform have). Golden model:
    :func:`tilefold.model.codec.encode`.

    Parameters
    ----------
    config : CodecConfig
    raster : RasterConfig
        Maps come by rows, and a packet is a map: the codec that it names is *config*.

    Members
    -------
    i : In(stream of laned(config.sample))
        Samples: tile groups in a row, pixel-major, the pixels of a tile in raster order. Several
        lanes carry neighbouring pixels of one channel, then those of the next channel. Or maps, as
        a :class:`~tilefold_gateware.raster.Raster` takes them.
    o : Out(stream of framed(word))
        Words, ``last`` on the last of a packet.
    bus : In(Bus)
        Registers of :func:`tilefold_hw.regs.encoder_map`. Nothing is taken at ``i`` before a layer
        has been committed.
    """

    def __init__(self, config: CodecConfig, raster: RasterConfig | None = None):
        self.config = config
        self.raster = raster
        self.regmap = encoder_map(config, raster)
        super().__init__(
            {
                "i": In(stream.Signature(laned(shape(config.sample), config.lanes))),
                "o": Out(stream.Signature(framed(config.word_width))),
                "bus": In(Bus(self.regmap.address_width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.control = control = Control(self.regmap, ENCODER, config.digest, config.lanes)
        connect(m, flipped(self.bus), control.bus)

        setting = partial(chosen, control.settings)
        sample = laned(shape(config.sample), config.lanes)
        frame = Framer(config, sample)
        pieces = config.pixels // config.lanes
        less = config.pixels - config.pixels_least
        reorder = Transposer(sample, pieces, config.channels, vary="columns", less=less)
        dct = forward(config)
        quantise = Quantiser(config)
        pack = Packer(config)
        stages: dict[str, wiring.Component] = {"frame": frame}
        inputs = "inputs" if config.project_macs else "channels"
        if self.raster is None:
            m.d.comb += [
                frame.open.eq(control.open),
                frame.next_bank.eq(control.next_bank),
                control.begin.eq(frame.begin),
            ]
        else:
            # A packet begins with what comes into the front, and keeps its bank on the way.
            raster = Raster(self.raster)
            stages = {"raster": raster, **stages}
            raster.run_on(m, partial(setting, control.next_bank), channels=inputs)
            m.d.comb += [
                raster.bank.eq(control.next_bank),
                raster.open.eq(control.open),
                control.begin.eq(raster.begin),
                frame.open.eq(1),
                frame.next_bank.eq(raster.o_bank),
            ]
        if config.project_macs:
            project = Projector(config, config.project_macs, config.sample, self.regmap)
            stages["project"] = project
            project.run_on(
                m,
                control,
                inputs=inputs,
                outputs="channels",
                low="project_low",
                high="project_high",
            )
        stages |= {
            "reorder": reorder,
            "centre": Centre(config),
            "dct": dct,
            "quantise": quantise,
            "pack": pack,
            "watch": (watch := Watch(config.word_width)),
        }
        chain(m, i=flipped(self.i), o=flipped(self.o), **stages)
        m.submodules.tally = tally = Tally(words_most(config))

        for counts, settings in zip(banks(reorder.counts), banks(control.settings), strict=True):
            m.d.comb += counts.eq(settings.channels)
        if config.sevens:
            for box in (reorder.smaller, dct.narrow):
                for flag, settings in zip(banks(box), banks(control.settings), strict=True):
                    m.d.comb += flag.eq(settings.seven)
            m.d.comb += [
                frame.seven.eq(setting(frame.bank, "seven")),
                quantise.seven.eq(setting(quantise.i.payload.bank, "seven")),
            ]
        m.d.comb += [
            frame.channels.eq(setting(frame.bank, inputs)),
            frame.groups.eq(setting(frame.bank, "groups")),
            quantise.channels.eq(setting(quantise.i.payload.bank, "channels")),
            tally.step.eq(watch.leaves),
            tally.last.eq(watch.done),
            tally.expected.eq(setting(watch.done_bank, "words")),
            control.done.eq(watch.done),
            control.done_bank.eq(watch.done_bank),
            control.framing.eq(tally.mismatch),
            control.count_tiles.eq(quantise.tile),
            control.count_words.eq(watch.leaves),
            control.count_stalls.eq(watch.stall),
            control.count_saturated.eq(quantise.saturated),
        ]
        for name in ("index", "table"):
            connect(m, getattr(control, name), getattr(quantise, name))
        return m
