"""CRC: what tells a sound frame from a damaged one."""

from functools import reduce
from operator import xor

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .streams import framed

_POLYNOMIAL = 0xEDB8_8320  # reflected: the highest power is the lowest bit
_RESIDUE = 0xDEBB_20E3  # what is left of bytes that their own CRC follows
_BITS = 32


class Crc(wiring.Component):
    """CRC-32 of IEEE 802.3, that of :func:`zlib.crc32`, of a byte a cycle.

    Members
    -------
    clear : In(1)
        Begin anew.
    step : In(1)
        ``data`` is the next byte; not while ``clear``.
    data : In(8)
    crc : Out(32)
        Of the bytes so far.
    good : Out(1)
        The last four bytes are the CRC of those before, the least first.
    """

    def __init__(self):
        super().__init__(
            {"clear": In(1), "step": In(1), "data": In(8), "crc": Out(_BITS), "good": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        state = Signal(_BITS, init=-1)
        with m.If(self.step):
            m.d.sync += state.eq(_stepped(state, self.data))
        with m.If(self.clear):
            m.d.sync += state.eq(-1)
        m.d.comb += [self.crc.eq(~state), self.good.eq(state == _RESIDUE)]
        return m


def _stepped(state: Value, byte: Value) -> Value:
    """State after a *byte*: each bit is the exclusive or of some bits of both."""
    # Whose bits these are, as a set: a term that comes twice is none.
    after = [{("state", n)} ^ ({("byte", n)} if n < len(byte) else set()) for n in range(_BITS)]
    for _ in range(len(byte)):
        out, *rest = after
        after = [
            terms ^ out if _POLYNOMIAL >> n & 1 else terms for n, terms in enumerate([*rest, set()])
        ]
    bits = {"state": state, "byte": byte}
    return Cat(reduce(xor, (bits[name][n] for name, n in sorted(terms))) for terms in after)


class Sealer(wiring.Component):
    """Put the CRC behind each packet of bytes, the least byte first.

    Latency 0; one byte a cycle.

    Members
    -------
    i : In(stream of framed(8 bits))
    o : Out(stream of framed(8 bits))
    """

    def __init__(self):
        super().__init__(
            {"i": In(stream.Signature(framed(8))), "o": Out(stream.Signature(framed(8)))}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = Crc()
        sealing, place = Signal(), Signal(range(_BITS // 8))
        last = sealing & (place == _BITS // 8 - 1)
        passes = self.i.valid & self.i.ready
        m.d.comb += [
            self.o.payload.data.eq(
                Mux(sealing, crc.crc.word_select(place, 8), self.i.payload.data)
            ),
            self.o.payload.last.eq(last),
            self.o.valid.eq(self.i.valid | sealing),
            self.i.ready.eq(self.o.ready & ~sealing),
            crc.data.eq(self.i.payload.data),
            crc.step.eq(passes),
        ]
        with m.If(passes & self.i.payload.last):
            m.d.sync += sealing.eq(1)
        with m.If(sealing & self.o.ready):
            m.d.sync += place.eq(place + 1)
            with m.If(last):
                m.d.comb += crc.clear.eq(1)
                m.d.sync += sealing.eq(0)
        return m
