"""Watch: what leaves a side is counted, and told to its control."""

from amaranth.hdl import Module, ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .streams import framed, inner


class Watch(wiring.Component):
    """Pass a stream on without its bank; tell what leaves, what waits, and when packets end.

    Latency 0; one item a cycle. What it tells comes a cycle later.

    Parameters
    ----------
    shape : ShapeLike
        ``data`` of an item.

    Members
    -------
    i : In(stream of inner(shape))
    o : Out(stream of framed(shape))
    leaves, stall : Out(1)
        An item left; an item waited.
    done, done_bank : Out(1)
        A packet of that bank has left.
    """

    def __init__(self, shape: ShapeLike):
        self.shape = shape
        super().__init__(
            {
                "i": In(stream.Signature(inner(shape))),
                "o": Out(stream.Signature(framed(shape))),
                "leaves": Out(1),
                "stall": Out(1),
                "done": Out(1),
                "done_bank": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.o.payload.data.eq(self.i.payload.data),
            self.o.payload.last.eq(self.i.payload.last),
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready),
        ]
        leaves = self.i.valid & self.o.ready
        m.d.sync += [
            self.leaves.eq(leaves),
            self.stall.eq(self.i.valid & ~self.o.ready),
            self.done.eq(leaves & self.i.payload.last),
            self.done_bank.eq(self.i.payload.bank),
        ]
        return m
