"""Level shift: samples centred on zero for the transform; restored and clipped behind it."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, flipped

from tilefold_hw.config import CodecConfig
from tilefold_hw.fixed import SQ

from .arith import shape
from .outlet import Outlet
from .pipeline import delay
from .streams import each, inner, laned


class Centre(wiring.Component):
    """Centre unsigned samples on zero by inverting their top bit; signed ones pass.

    Latency 0; one item a cycle. Golden model: :func:`tilefold.model.level.centre`.

    Parameters
    ----------
    config : CodecConfig

    Members
    -------
    i : In(stream of inner(laned(config.sample)))
    o : Out(stream of inner(laned(config.centred)))
    """

    def __init__(self, config: CodecConfig):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(inner(laned(shape(config.sample), config.lanes)))),
                "o": Out(stream.Signature(inner(laned(shape(config.centred), config.lanes)))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lanes = self.config.lanes
        samples, centred = (each(x.payload.data, lanes) for x in (self.i, self.o))
        for sample, out in zip(samples, centred, strict=True):
            top = sample[-1] if self.config.sample_signed else ~sample[-1]
            m.d.comb += out.eq(Cat(sample[:-1], top).as_signed())
        m.d.comb += [
            self.o.payload.last.eq(self.i.payload.last),
            self.o.payload.bank.eq(self.i.payload.bank),
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready),
        ]
        return m


class Clipper(wiring.Component):
    """Undo :class:`Centre` and clip to the range that the layer sets.

    Latency :data:`tilefold_hw.latency.CLIP`; one item a cycle. Golden model:
    :func:`tilefold.model.level.clip`.

    Parameters
    ----------
    config : CodecConfig

    Members
    -------
    i : In(stream of inner(laned(config.transform.inverse_rows.o)))
        Restored samples around zero.
    o : Out(stream of inner(laned(config.restored)))
    low, high : In(config.restored)
        The range, for the item at ``i``.
    clipped : Out(range(config.lanes + 1))
        Samples that the clip changed, of an item, for a cycle.
    """

    def __init__(self, config: CodecConfig):
        self.config = config
        restored = config.transform.inverse_rows.o
        super().__init__(
            {
                "i": In(stream.Signature(inner(laned(shape(restored), config.lanes)))),
                "o": Out(stream.Signature(inner(laned(shape(config.restored), config.lanes)))),
                "low": In(shape(config.restored)),
                "high": In(shape(config.restored)),
                "clipped": Out(range(config.lanes + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.outlet = outlet = Outlet(self.o.payload.shape(), latency=3)
        wiring.connect(m, outlet.o, flipped(self.o))
        enter = self.i.valid & outlet.ready
        m.d.comb += [self.i.ready.eq(outlet.ready), outlet.take.eq(enter)]

        # cycle 1: back around its own level; cycle 2: compare; cycle 3: clip.
        config = self.config
        offset = 0 if config.sample_signed else 1 << (config.sample_width - 1)
        wide = shape(config.transform.inverse_rows.o + SQ(config.sample_width))
        low, high = Signal.like(self.low), Signal.like(self.high)
        m.d.sync += [low.eq(self.low), high.eq(self.high)]
        valid, limits = delay(m, enter, 2), [delay(m, limit, 1) for limit in (low, high)]
        outside = []
        samples, clipped = (
            each(x, config.lanes) for x in (self.i.payload.data, outlet.payload.data)
        )
        for sample, out in zip(samples, clipped, strict=True):
            level, below, above = Signal(wide), Signal(), Signal()
            m.d.sync += [
                level.eq(sample + offset),
                below.eq(level < low),
                above.eq(level > high),
                out.eq(Mux(below, limits[0], Mux(above, limits[1], delay(m, level, 1)))),
            ]
            outside.append(valid & (below | above))
        m.d.sync += [
            self.clipped.eq(sum(outside)),
            outlet.push.eq(valid),
            outlet.payload.last.eq(delay(m, self.i.payload.last, 2)),
            outlet.payload.bank.eq(delay(m, self.i.payload.bank, 2)),
        ]
        return m
