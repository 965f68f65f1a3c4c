"""The end of a pipeline that never stalls: a queue with room for all that is in flight."""

from amaranth.hdl import Module, ShapeLike, Signal, Value
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out


class Outlet(wiring.Component):
    """Queue at the end of a free-running pipeline.

    Pipelines here have no clock enable: what enters comes out a fixed number of cycles later, and
    an item enters only while the queue has room for everything in flight. Back-pressure so never
    reaches the arithmetic; it stops at ``ready``, a flip-flop. Nothing is lost by it: the queue
    can't overflow.

    Latency 2 from ``push`` to ``o``; one item a cycle.

    Parameters
    ----------
    shape : ShapeLike
        Payload.
    flight : int
        Most items between the pipeline's entry and ``push``.

    Members
    -------
    ready : Out(1)
        An item may enter the pipeline in this cycle.
    push : In(1)
        ``payload`` leaves the pipeline in this cycle.
    payload : In(shape)
    o : Out(stream of shape)
    """

    # Items in the queue while the output flows freely; with fewer allowed the flow would stutter.
    _FLOWING = 2

    def __init__(self, shape: ShapeLike, flight: int):
        self.flight = flight
        super().__init__({
            "ready": Out(1),
            "push": In(1),
            "payload": In(shape),
            "o": Out(stream.Signature(shape)),
        })

    def elaborate(self, platform):
        m = Module()

        # Two more can enter between a level and the ``ready`` that follows from it.
        depth = self.flight + self._FLOWING + 2
        width = len(Value.cast(self.payload))
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(width=width, depth=depth)

        ready = Signal()
        m.d.sync += ready.eq(queue.level <= self._FLOWING)
        m.d.comb += [
            self.ready.eq(ready),
            queue.w_data.eq(self.payload),
            queue.w_en.eq(self.push),
            Value.cast(self.o.payload).eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
        ]
        return m
