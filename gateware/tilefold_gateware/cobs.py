"""COBS: frames that zeros end, and nothing else.

A code byte tells at what distance the next zero was; that zero is the next code byte. The first
code byte is put in front, and the end counts as a zero. A distance of 255 is to no zero.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .reader import Reader
from .streams import framed

_HALF = 256


class Pieces(wiring.Signature):
    """Frames byte by byte, as they come: nobody can hold them back.

    Members
    -------
    push : Out(1)
        ``data`` is the next byte of the frame.
    data : Out(8)
    end : Out(1)
        The frame ends, in a cycle of its own. Frames without a byte are not told.
    good : Out(1)
        Where it ends: its form was right, and nothing was lost of it.
    """

    def __init__(self):
        super().__init__({"push": Out(1), "data": Out(8), "end": Out(1), "good": Out(1)})


class CobsDecoder(wiring.Component):
    """Take frames from a line.

    Latency 0; one byte a cycle.

    Members
    -------
    i : In(stream of 8 bits)
        Taken in every cycle.
    broken : In(1)
        A byte was lost on the line: the frame that it belonged to, up to the next zero, is bad.
    o : Out(Pieces)

    Source
    ------
    Cheshire and Baker, Consistent Overhead Byte Stuffing, IEEE/ACM Transactions on Networking 7
    (1999).
    """

    def __init__(self):
        super().__init__({"i": In(stream.Signature(8)), "broken": In(1), "o": Out(Pieces())})

    def elaborate(self, platform):
        m = Module()
        byte = self.i.payload
        left = Signal(8)  # bytes before the next code byte
        begun, owed, spoilt = Signal(), Signal(), Signal()
        zero, code = byte == 0, left == 0
        m.d.comb += [
            self.i.ready.eq(1),
            # A code byte stands for a zero, which the block before has told.
            self.o.push.eq(self.i.valid & ~zero & (~code | owed)),
            self.o.data.eq(Mux(code, 0, byte)),
            self.o.end.eq(self.i.valid & zero & (begun | spoilt)),
            self.o.good.eq(code & ~spoilt),
        ]
        with m.If(self.i.valid):
            with m.If(zero):
                m.d.sync += [left.eq(0), begun.eq(0), owed.eq(0), spoilt.eq(0)]
            with m.Else():
                m.d.sync += left.eq(Mux(code, byte, left) - 1)
                with m.If(code):
                    m.d.sync += [begun.eq(1), owed.eq(byte != 255)]
        with m.If(self.broken):
            m.d.sync += spoilt.eq(1)
        return m


class CobsEncoder(wiring.Component):
    """Put frames on a line, each with the zero that ends it.

    A frame is coded in place, in one of two halves of a memory, while the other half is sent: each
    byte is written once, for a zero that comes is where the distance to it belongs. A frame is
    sent when the whole of it is there.

    One byte a cycle in, and two more for a frame; one byte a cycle out.

    Members
    -------
    i : In(stream of framed(8 bits))
        Packets of 1 to 254 bytes.
    o : Out(stream of 8 bits)
    """

    def __init__(self):
        super().__init__({"i": In(stream.Signature(framed(8))), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.reader = reader = Reader(8, 2 * _HALF)
        wiring.connect(m, reader.o, wiring.flipped(self.o))
        # Halves that were written, and that were sent: the lowest bit says which one is next.
        written, sent = Signal(2), Signal(2)
        self._write(m, reader.write, written, (written ^ sent) != 2)

        place, ends = Signal(8), Signal()
        m.d.comb += [
            reader.address.eq(Cat(place, sent[0])),
            reader.more.eq(written != sent),
            ends.eq(self.o.valid & self.o.ready & (self.o.payload == 0)),
            reader.flush.eq(ends),
        ]
        with m.If(reader.step):
            m.d.sync += place.eq(place + 1)
        with m.If(ends):
            m.d.sync += [place.eq(0), sent.eq(sent + 1)]
        return m

    def _write(self, m, write, written, free):
        byte = self.i.payload.data
        # The next place, and that of the code byte which is not known yet.
        place, mark = Signal(8, init=1), Signal(8)
        zero = Signal()
        m.d.comb += [
            write.address.eq(Cat(Mux(zero, mark, place), written[0])),
            write.data.eq(Mux(zero, place - mark, byte)),
        ]
        with m.If(write.stb & zero):
            m.d.sync += mark.eq(place)
        with m.FSM():
            with m.State("BODY"):
                m.d.comb += [
                    self.i.ready.eq(free),
                    write.stb.eq(self.i.valid & free),
                    zero.eq(byte == 0),
                ]
                with m.If(write.stb):
                    m.d.sync += place.eq(place + 1)
                    with m.If(self.i.payload.last):
                        m.next = "CODE"
            with m.State("CODE"):
                m.d.comb += [write.stb.eq(1), zero.eq(1)]
                m.next = "END"
            with m.State("END"):
                # The distance from the end to itself is the zero that belongs there.
                m.d.comb += [write.stb.eq(1), zero.eq(1)]
                m.d.sync += [place.eq(1), mark.eq(0), written.eq(written + 1)]
                m.next = "BODY"
