"""Wishbone: the registers of a core for those whose bus it is, such as LiteX."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .access import RESPONSE, request_layout


def wishbone(address_width: int) -> wiring.Signature:
    """Signature of Wishbone with 32 bits of data and selects of bytes, as a master has it.

    ``adr`` counts words.

    Parameters
    ----------
    address_width : int
        Of a byte.

    Source
    ------
    OpenCores, Wishbone B4 (2010): classic cycles, standard handshake.
    """
    return wiring.Signature(
        {
            "adr": Out(address_width - 2),
            "dat_w": Out(32),
            "dat_r": In(32),
            "sel": Out(4),
            "we": Out(1),
            "cyc": Out(1),
            "stb": Out(1),
            "ack": In(1),
            "err": In(1),
        }
    )


class Wishbone(wiring.Component):
    """Turn Wishbone's cycles into requests, one at a time.

    What can't be read or written ends with ``err``. A cycle that its master gives up is still
    carried out, and not told of.

    Parameters
    ----------
    address_width : int
        Of a byte.

    Members
    -------
    bus : In(wishbone(address_width))
    o : Out(stream of request_layout(address_width))
    i : In(stream of RESPONSE)
    """

    def __init__(self, address_width: int):
        super().__init__(
            {
                "bus": In(wishbone(address_width)),
                "o": Out(stream.Signature(request_layout(address_width))),
                "i": In(stream.Signature(RESPONSE)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus, gone = self.bus, Signal()
        asks = bus.cyc & bus.stb
        m.d.comb += [
            self.o.payload.address.eq(Cat(Const(0, 2), bus.adr)),
            self.o.payload.write.eq(bus.we),
            self.o.payload.data.eq(bus.dat_w),
            self.o.payload.strobes.eq(bus.sel),
        ]
        m.d.sync += [bus.ack.eq(0), bus.err.eq(0)]
        with m.FSM():
            with m.State("ASK"):
                # In the cycle of its end, the cycle before still stands.
                m.d.comb += self.o.valid.eq(asks & ~bus.ack & ~bus.err)
                m.d.sync += gone.eq(0)
                with m.If(self.o.valid & self.o.ready):
                    m.next = "TELL"
            with m.State("TELL"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(~asks):
                    m.d.sync += gone.eq(1)
                with m.If(self.i.valid):
                    told = asks & ~gone
                    m.d.sync += [
                        bus.ack.eq(told & ~self.i.payload.error),
                        bus.err.eq(told & self.i.payload.error),
                        bus.dat_r.eq(self.i.payload.data),
                    ]
                    m.next = "ASK"
        return m
