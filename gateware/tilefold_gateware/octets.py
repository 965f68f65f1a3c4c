"""Octets: items on the link are whole bytes, the least first."""

from amaranth.hdl import Cat, Module, Shape, ShapeLike, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .streams import each, framed, laned


class Gatherer(wiring.Component):
    """Make items of bytes. Inverse of :class:`Scatterer`.

    Latency 1 from an item's last byte; one byte a cycle.

    Parameters
    ----------
    shape : ShapeLike
        Of a value; of its bytes, the lowest bits are it.
    size : int
        Bytes of a value.
    lanes : int
        Values of an item.

    Members
    -------
    i : In(stream of framed(8 bits))
    o : Out(stream of framed(laned(shape, lanes)))
        ``last`` is that of its last byte.
    """

    def __init__(self, shape: ShapeLike, size: int, lanes: int = 1):
        self.shape = shape
        self.size = size
        self.lanes = lanes
        super().__init__(
            {
                "i": In(stream.Signature(framed(8))),
                "o": Out(stream.Signature(framed(laned(shape, lanes)))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        count = self.size * self.lanes
        octets, place = Signal(8 * count), Signal(range(count))
        m.d.comb += self.i.ready.eq(self.o.ready | ~self.o.valid)
        for lane, value in enumerate(each(self.o.payload.data, self.lanes)):
            m.d.comb += value.eq(octets.word_select(lane, 8 * self.size))
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(0)
            with m.If(self.i.valid):
                m.d.sync += [
                    octets.eq(Cat(octets[8:], self.i.payload.data)),
                    self.o.payload.last.eq(self.i.payload.last),
                    place.eq(place + 1),
                ]
                with m.If(place == count - 1):
                    m.d.sync += [place.eq(0), self.o.valid.eq(1)]
        return m


class Scatterer(wiring.Component):
    """Make bytes of items. Inverse of :class:`Gatherer`.

    Latency 1; one byte a cycle.

    Parameters
    ----------
    shape : ShapeLike
        Of a value; if it is signed, its bytes have its sign up to the top.
    size : int
        Bytes of a value.
    lanes : int
        Values of an item.

    Members
    -------
    i : In(stream of laned(shape, lanes))
    o : Out(stream of 8 bits)
    """

    def __init__(self, shape: ShapeLike, size: int, lanes: int = 1):
        self.shape = shape
        self.size = size
        self.lanes = lanes
        super().__init__(
            {
                "i": In(stream.Signature(laned(shape, lanes))),
                "o": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        count, bits = self.size * self.lanes, 8 * self.size
        octets, left = Signal(8 * count), Signal(range(count))
        m.d.comb += [
            self.i.ready.eq(~self.o.valid | (self.o.ready & (left == 0))),
            self.o.payload.eq(octets[:8]),
        ]
        with m.If(self.o.ready):
            m.d.sync += [octets.eq(octets >> 8), left.eq(left - 1)]
            with m.If(left == 0):
                m.d.sync += self.o.valid.eq(0)
        with m.If(self.i.ready):
            wide = Shape(bits, signed=Shape.cast(self.shape).signed)
            values = []
            for lane, value in enumerate(each(self.i.payload, self.lanes)):
                extended = Signal(wide, name=f"extended_{lane}")
                m.d.comb += extended.eq(value)
                values.append(extended)
            m.d.sync += [octets.eq(Cat(values)), left.eq(count - 1), self.o.valid.eq(self.i.valid)]
        return m
