"""Level shift: samples centred on zero for the transform; restored and clipped behind it."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, flipped

from tilefold_hw.config import CodecConfig
from tilefold_hw.fixed import SQ

from .arith import clamp, shape
from .outlet import Outlet
from .pipeline import delay
from .streams import inner


class Centre(wiring.Component):
    """Centre unsigned samples on zero by inverting their top bit; signed ones pass.

    Latency 0; one sample a cycle. Golden model: :func:`tilefold.model.level.centre`.

    Parameters
    ----------
    config : CodecConfig

    Members
    -------
    i : In(stream of inner(config.sample))
    o : Out(stream of inner(config.centred))
    """

    def __init__(self, config: CodecConfig):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(inner(shape(config.sample)))),
                "o": Out(stream.Signature(inner(shape(config.centred)))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        sample = self.i.payload.data.as_unsigned()
        top = sample[-1] if self.config.sample_signed else ~sample[-1]
        m.d.comb += [
            self.o.payload.data.eq(Cat(sample[:-1], top).as_signed()),
            self.o.payload.last.eq(self.i.payload.last),
            self.o.payload.bank.eq(self.i.payload.bank),
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready),
        ]
        return m


class Clipper(wiring.Component):
    """Undo :class:`Centre` and clip to the range that the layer sets.

    Latency :data:`tilefold_hw.latency.CLIP`; one sample a cycle. Golden model:
    :func:`tilefold.model.level.clip`.

    Parameters
    ----------
    config : CodecConfig

    Members
    -------
    i : In(stream of inner(config.transform.inverse_rows.o))
        Restored samples around zero.
    o : Out(stream of inner(config.restored))
    low, high : In(config.restored)
        The range, for the item at ``i``.
    clipped : Out(1)
        High for a cycle for every sample that the clip changed.
    """

    def __init__(self, config: CodecConfig):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(inner(shape(config.transform.inverse_rows.o)))),
                "o": Out(stream.Signature(inner(shape(config.restored)))),
                "low": In(shape(config.restored)),
                "high": In(shape(config.restored)),
                "clipped": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.outlet = outlet = Outlet(self.o.payload.shape(), latency=2)
        wiring.connect(m, outlet.o, flipped(self.o))
        enter = self.i.valid & outlet.ready
        m.d.comb += [self.i.ready.eq(outlet.ready), outlet.take.eq(enter)]

        # cycle 1: back around its own level; cycle 2: clip.
        offset = 0 if self.config.sample_signed else 1 << (self.config.sample_width - 1)
        level = Signal(shape(self.config.transform.inverse_rows.o + SQ(self.config.sample_width)))
        low, high = Signal.like(self.low), Signal.like(self.high)
        valid = delay(m, enter, 1)
        m.d.sync += [
            level.eq(self.i.payload.data + offset),
            low.eq(self.low),
            high.eq(self.high),
            outlet.push.eq(valid),
            outlet.payload.data.eq(clamp(level, low, high)),
            outlet.payload.last.eq(delay(m, self.i.payload.last, 1)),
            outlet.payload.bank.eq(delay(m, self.i.payload.bank, 1)),
            self.clipped.eq(valid & ((level < low) | (level > high))),
        ]
        return m
