"""Reader: bytes of a memory as a stream."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .ram import Ram
from .streams import Write


class Reader(wiring.Component):
    """Memory that is read at one address after the other, as long as there is more.

    Both registers of the memory are places of the stream. Two cycles from an address to ``o``; one
    item a cycle.

    Parameters
    ----------
    width, depth : int
        Of an item, and how many.

    Members
    -------
    write : In(Write)
        An address may be read from the cycle after on.
    address : In(range(depth))
    more : In(1)
        There is an item at ``address`` that is to be read.
    step : Out(1)
        It is: its place is free again, and the next address is to be given.
    flush : In(1)
        What was read and was not taken is forgotten.
    o : Out(stream)
    """

    def __init__(self, width: int, depth: int):
        self.width = width
        self.depth = depth
        super().__init__(
            {
                "write": In(Write((depth - 1).bit_length(), width)),
                "address": In(range(depth)),
                "more": In(1),
                "step": Out(1),
                "flush": In(1),
                "o": Out(stream.Signature(width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.ram = ram = Ram(self.width, self.depth)
        wiring.connect(m, wiring.flipped(self.write), ram.write)
        inside, moves = Signal(), Signal()
        m.d.comb += [
            moves.eq(self.o.ready | ~self.o.valid),
            self.step.eq(self.more & moves & ~self.flush),
            ram.address.eq(self.address),
            ram.enable.eq(moves),
            self.o.payload.eq(ram.data),
        ]
        with m.If(moves):
            m.d.sync += [inside.eq(self.step), self.o.valid.eq(inside)]
        with m.If(self.flush):
            m.d.sync += [inside.eq(0), self.o.valid.eq(0)]
        return m
