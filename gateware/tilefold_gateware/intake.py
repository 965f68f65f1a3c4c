"""Intake: bytes that came in, until the data path takes them."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.link import COUNTED

from .reader import Reader
from .streams import framed


class IntakePort(wiring.Signature):
    """Where bytes are put in.

    Members
    -------
    push : Out(1)
        Put ``payload`` in: there must be room.
    payload : Out(framed(8 bits))
    room : In(range(size + 1))
        Bytes for which there is room. Bytes that are put in reach it after two cycles.
    limit : In(16)
        Bytes that may have been put in, from the reset on, modulo 2**16.
    """

    def __init__(self, size: int):
        super().__init__(
            {
                "push": Out(1),
                "payload": Out(framed(8)),
                "room": In(range(size + 1)),
                "limit": In(range(COUNTED)),
            }
        )


class Intake(wiring.Component):
    """Queue of bytes, of which who fills it knows the room.

    One byte a cycle in and out at the same time.

    Parameters
    ----------
    size : int
        A power of two.

    Members
    -------
    port : In(IntakePort)
    o : Out(stream of framed(8 bits))
    """

    def __init__(self, size: int):
        self.size = size
        super().__init__({"port": In(IntakePort(size)), "o": Out(stream.Signature(framed(8)))})

    def elaborate(self, platform):
        m = Module()
        port = self.port
        m.submodules.reader = reader = Reader(len(self.o.payload.as_value()), self.size)
        # What was taken is ``size`` less than ``limit``: its lowest bits are the place to read.
        limit, pushed = Signal(range(COUNTED), init=self.size), Signal(range(2 * self.size))
        m.d.comb += [
            port.limit.eq(limit),
            reader.write.stb.eq(port.push),
            reader.write.address.eq(pushed[:-1]),
            reader.write.data.eq(port.payload),
            reader.address.eq(limit[: len(pushed) - 1]),
            reader.more.eq(Cat(pushed[:-1], ~pushed[-1]) != limit[: len(pushed)]),
            self.o.payload.eq(reader.o.payload),
            self.o.valid.eq(reader.o.valid),
            reader.o.ready.eq(self.o.ready),
        ]
        m.d.sync += port.room.eq((limit - pushed)[: len(pushed)])
        with m.If(port.push):
            m.d.sync += pushed.eq(pushed + 1)
        with m.If(reader.step):
            m.d.sync += limit.eq(limit + 1)
        return m
