"""Either: two boxes side by side, of which a packet takes the one that its settings say."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .streams import banked, banks


class Either(wiring.Component):
    """Send each packet through one of two boxes.

    What is inside is in one box alone, so the order of packets is kept: a packet that takes the
    other box than the one before it waits until that one has left.

    Latency that of the box. No bubble but where the box changes: there, what is inside drains, and
    the first item after it waits :data:`tilefold_hw.latency.TURN` cycles.

    Parameters
    ----------
    wide, narrow : Component
        Boxes with streams ``i`` and ``o`` of signed numbers with ``inner`` framing. Those of
        *narrow* have no more bits: what comes is saturated to them, what goes is sign-extended.

    Members
    -------
    i : In(as that of *wide*)
    o : Out(as that of *wide*)
    narrow : In(banked(1))
        Packets of that bank take *narrow*: it must stand while any is here.
    """

    # More packets than can be inside at once: a packet is a tile at least, and no transform has
    # room for eight.
    _INSIDE = 8

    def __init__(self, wide: wiring.Component, narrow: wiring.Component):
        self.boxes = wide, narrow
        super().__init__(
            {
                "i": In(wide.i.signature.flip()),
                "o": Out(wide.o.signature),
                "narrow": In(banked(1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.wide, m.submodules.narrow = wide, narrow = self.boxes
        came, left = self.i.payload, self.o.payload

        # Which box has what is inside, and whether what comes goes there, too.
        turn, inside = Signal(), Signal(range(self._INSIDE))
        passes = turn == Mux(came.bank, *reversed(banks(self.narrow)))
        enters = self.i.valid & self.i.ready & came.last
        leaves = self.o.valid & self.o.ready & left.last
        m.d.sync += inside.eq(inside + enters - leaves)
        with m.If(self.i.valid & ~passes & (inside == 0)):
            m.d.sync += turn.eq(~turn)

        for box, its_turn in ((wide, ~turn), (narrow, turn)):
            m.d.comb += [
                box.i.payload.data.eq(_saturate(came.data, len(box.i.payload.data))),
                box.i.payload.last.eq(came.last),
                box.i.payload.bank.eq(came.bank),
                box.i.valid.eq(self.i.valid & passes & its_turn),
                box.o.ready.eq(self.o.ready & its_turn),
            ]
        m.d.comb += [
            self.i.ready.eq(Mux(turn, narrow.i.ready, wide.i.ready) & passes),
            self.o.valid.eq(Mux(turn, narrow.o.valid, wide.o.valid)),
            left.data.eq(Mux(turn, narrow.o.payload.data, wide.o.payload.data)),
            left.last.eq(Mux(turn, narrow.o.payload.last, wide.o.payload.last)),
            left.bank.eq(Mux(turn, narrow.o.payload.bank, wide.o.payload.bank)),
        ]
        return m


def _saturate(value, bits):
    """Return *value* in so many *bits*, without a comparison: what goes must be like the sign."""
    sign, kept = value[-1], value[: bits - 1]
    unlike = value[bits - 1 : -1] ^ sign.replicate(len(value) - bits)
    return Cat(Mux(unlike.any(), (~sign).replicate(bits - 1), kept), sign).as_signed()
