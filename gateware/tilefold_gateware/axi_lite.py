"""AXI4-Lite: the registers of a core for a processor."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .access import RESPONSE, request_layout

OKAY, SLVERR = 0b00, 0b10
"""Responses: it was done; there is nothing at this address that could be read, or written."""


def axi_lite(address_width: int) -> wiring.Signature:
    """Signature of AXI4-Lite with 32 bits of data, as a manager has it: names as in the standard.

    Source
    ------
    Arm, AMBA AXI and ACE Protocol Specification (IHI 0022), issue H, chapter B1.
    """
    return wiring.Signature(
        {
            "awaddr": Out(address_width),
            "awprot": Out(3),
            "awvalid": Out(1),
            "awready": In(1),
            "wdata": Out(32),
            "wstrb": Out(4),
            "wvalid": Out(1),
            "wready": In(1),
            "bresp": In(2),
            "bvalid": In(1),
            "bready": Out(1),
            "araddr": Out(address_width),
            "arprot": Out(3),
            "arvalid": Out(1),
            "arready": In(1),
            "rdata": In(32),
            "rresp": In(2),
            "rvalid": In(1),
            "rready": Out(1),
        }
    )


class AxiLite(wiring.Component):
    """Turn AXI4-Lite into requests, one at a time; reads and writes take turns.

    Every ``ready`` and ``valid`` is a register. ``awprot`` and ``arprot`` are not looked at.

    Parameters
    ----------
    address_width : int
        Of a byte.

    Members
    -------
    bus : In(axi_lite(address_width))
    o : Out(stream of request_layout(address_width))
    i : In(stream of RESPONSE)
        In the order of the requests.
    """

    def __init__(self, address_width: int):
        self.address_width = address_width
        super().__init__(
            {
                "bus": In(axi_lite(address_width)),
                "o": Out(stream.Signature(request_layout(address_width))),
                "i": In(stream.Signature(RESPONSE)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        axi = self.bus
        kept = Signal(
            data.StructLayout(
                {"awaddr": len(axi.awaddr), "wdata": 32, "wstrb": 4, "araddr": len(axi.araddr)}
            )
        )
        # Each channel's transfer is kept until its response is on its way: so that no ready
        # depends on a valid, and addresses and data may come in any order.
        full = Signal(data.StructLayout({"aw": 1, "w": 1, "ar": 1}))
        for channel, names in (("aw", ["awaddr"]), ("w", ["wdata", "wstrb"]), ("ar", ["araddr"])):
            ready = ~full[channel]
            m.d.comb += getattr(axi, f"{channel}ready").eq(ready)
            with m.If(getattr(axi, f"{channel}valid") & ready):
                m.d.sync += full[channel].eq(1)
                m.d.sync += [kept[name].eq(getattr(axi, name)) for name in names]

        write = Signal()
        m.d.comb += [
            self.o.payload.write.eq(write),
            self.o.payload.address.eq(Mux(write, kept.awaddr, kept.araddr)),
            self.o.payload.data.eq(kept.wdata),
            self.o.payload.strobes.eq(kept.wstrb),
        ]
        for channel in ("b", "r"):
            valid = getattr(axi, f"{channel}valid")
            with m.If(valid & getattr(axi, f"{channel}ready")):
                m.d.sync += valid.eq(0)
        with m.FSM():
            with m.State("CHOOSE"):
                writes = full.aw & full.w & ~axi.bvalid
                reads = full.ar & ~axi.rvalid
                # What was done last has its response standing, so that the other's turn comes.
                m.d.sync += write.eq(writes)
                with m.If(writes | reads):
                    m.next = "ASK"
            with m.State("ASK"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    with m.If(write):
                        m.d.sync += [full.aw.eq(0), full.w.eq(0)]
                    with m.Else():
                        m.d.sync += full.ar.eq(0)
                    m.next = "TELL"
            with m.State("TELL"):
                response = Mux(self.i.payload.error, SLVERR, OKAY)
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    with m.If(write):
                        m.d.sync += [axi.bvalid.eq(1), axi.bresp.eq(response)]
                    with m.Else():
                        m.d.sync += [
                            axi.rvalid.eq(1),
                            axi.rresp.eq(response),
                            axi.rdata.eq(self.i.payload.data),
                        ]
                    m.next = "CHOOSE"
        return m
