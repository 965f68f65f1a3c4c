"""Window: bytes that came out, until the host has released them."""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.link import COUNTED

from .reader import Reader

_WIDTH = (COUNTED - 1).bit_length()

# Distances that go around once can't all be shorter than this, if they are three.
_FAR = COUNTED // 4


class WindowPort(wiring.Signature):
    """Where bytes are looked at, and released. All count from the reset, modulo 2**16.

    Members
    -------
    offset, release : Out(16)
        The first byte that is wanted, and the first to keep.
    sound : In(1)
        Both can be: what is released already, ``release``, ``offset`` and ``produced`` are in this
        order. Of the cycle before.
    apply : Out(1)
        Release what was before ``release``.
    produced : In(16)
        Bytes that came out.
    more : Out(1)
        Read at ``offset``.
    step : In(1)
        The byte at ``offset`` is read: the next one is to be asked for.
    flush : Out(1)
        What was read and was not taken is forgotten.
    data : In(stream of 8 bits)
        What was read.
    """

    def __init__(self):
        super().__init__(
            {
                "offset": Out(_WIDTH),
                "release": Out(_WIDTH),
                "sound": In(1),
                "apply": Out(1),
                "produced": In(_WIDTH),
                "more": Out(1),
                "step": In(1),
                "flush": Out(1),
                "data": In(stream.Signature(8)),
            }
        )


class Window(wiring.Component):
    """Keep what comes until it is released, at most *size* bytes of it.

    One byte a cycle in and out at the same time.

    Parameters
    ----------
    size : int
        A power of two, at most an eighth of what is counted.

    Members
    -------
    i : In(stream of 8 bits)
    port : In(WindowPort)
    """

    def __init__(self, size: int):
        self.size = size
        super().__init__({"i": In(stream.Signature(8)), "port": In(WindowPort())})

    def elaborate(self, platform):
        m = Module()
        port = self.port
        m.submodules.reader = reader = Reader(8, self.size)
        bits = (self.size - 1).bit_length()
        produced, released = Signal(_WIDTH), Signal(_WIDTH)
        full = produced[: bits + 1] == Cat(released[:bits], ~released[bits])
        takes = self.i.valid & self.i.ready
        m.d.comb += [
            self.i.ready.eq(~full),
            reader.write.stb.eq(takes),
            reader.write.address.eq(produced[:bits]),
            reader.write.data.eq(self.i.payload),
            reader.address.eq(port.offset[:bits]),
            reader.more.eq(port.more),
            reader.flush.eq(port.flush),
            port.step.eq(reader.step),
            port.produced.eq(produced),
        ]
        wiring.connect(m, reader.o, wiring.flipped(port.data))
        with m.If(takes):
            m.d.sync += produced.eq(produced + 1)
        with m.If(port.apply):
            m.d.sync += released.eq(port.release)

        # From one to the next none is far, and the way back to the first is what is kept.
        way = (released, port.release, port.offset, produced)
        far = [(after - before)[:_WIDTH] >= _FAR for before, after in pairwise(way)]
        m.d.sync += port.sound.eq(~Cat(far).any())
        return m
