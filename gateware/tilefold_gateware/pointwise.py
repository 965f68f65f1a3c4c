"""Pointwise: a projector with registers of its own."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from tilefold_hw.config import CodecConfig
from tilefold_hw.raster import RasterConfig
from tilefold_hw.regs import PIXELS_WIDTH, PROJECTOR, projector_map

from .arith import shape
from .control import Control
from .lap import OpenLap
from .project import Projector
from .streams import Bus, banks, framed
from .watch import Watch


class Pointwise(wiring.Component):
    """Project the channels of maps: a 1 × 1 convolution in integers, as one in front of an encoder.

    A packet is as many pixels as its layer says, whatever their order, each pixel's channels in a
    row.

    Latency :func:`tilefold_hw.latency.project`; a pixel every
    :func:`tilefold_hw.budget.pixel_cycles`, or as fast as its samples come. Golden model:
    :func:`tilefold.model.project.project`.

    Parameters
    ----------
    config : CodecConfig
        ``project_macs`` is its multipliers.
    raster : RasterConfig
        Nothing to a projector: a pixel is a pixel.

    Members
    -------
    i : In(stream of config.sample)
    o : Out(stream of framed(config.sample))
        ``last`` on the last of a packet.
    bus : In(Bus)
        Registers of :func:`tilefold_hw.regs.projector_map`. Nothing is taken at ``i`` before a
        layer has been committed.
    """

    def __init__(self, config: CodecConfig, raster: RasterConfig | None = None):
        self.config = config
        self.regmap = projector_map(config, raster)
        sample = shape(config.sample)
        super().__init__(
            {
                "i": In(stream.Signature(sample)),
                "o": Out(stream.Signature(framed(sample))),
                "bus": In(Bus(self.regmap.address_width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.control = control = Control(self.regmap, PROJECTOR, config.digest)
        connect(m, flipped(self.bus), control.bus)
        m.submodules.project = project = Projector(
            config, config.project_macs, config.sample, self.regmap
        )
        names = {"inputs": "inputs", "outputs": "outputs"}
        project.run_on(m, control, **names, low="project_low", high="project_high")
        m.submodules.watch = watch = Watch(shape(config.sample))
        connect(m, project.o, watch.i)
        connect(m, watch.o, flipped(self.o))

        # Packets, by the pixels that come.
        m.submodules.inputs = inputs = OpenLap(config.channels)
        m.submodules.pixels = pixels = OpenLap((1 << PIXELS_WIDTH) - 1)
        inside, bank, begin = Signal(), Signal(), Signal()
        packet = project.i.payload
        goes = inside | control.open
        moves = project.i.valid & project.i.ready
        for lap, name in ((inputs, "inputs"), (pixels, "pixels")):
            for length, settings in zip(banks(lap.lengths), banks(control.settings), strict=True):
                m.d.comb += length.eq(settings[name])
            m.d.comb += lap.bank.eq(packet.bank)
        m.d.comb += [
            project.i.valid.eq(self.i.valid & goes),
            self.i.ready.eq(project.i.ready & goes),
            packet.data.eq(self.i.payload),
            packet.bank.eq(Mux(inside, bank, control.next_bank)),
            packet.last.eq(inputs.last & pixels.last),
            begin.eq(project.i.valid & ~inside),
            control.begin.eq(begin),
            inputs.step.eq(moves),
            pixels.step.eq(moves & inputs.last),
        ]
        with m.If(begin):
            m.d.sync += [inside.eq(1), bank.eq(control.next_bank)]
        with m.If(moves & packet.last):
            m.d.sync += inside.eq(0)
        m.d.comb += [
            control.done.eq(watch.done),
            control.done_bank.eq(watch.done_bank),
            control.count_pixels.eq(moves & inputs.last),
            control.count_samples.eq(watch.leaves),
            control.count_stalls.eq(watch.stall),
            control.count_packets.eq(watch.done),
        ]
        return m
