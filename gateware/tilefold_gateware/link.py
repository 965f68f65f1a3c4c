"""Link: from frames on a line to what they ask for, and back."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .chain import chain
from .cobs import CobsDecoder, CobsEncoder
from .crc import Sealer
from .intake import IntakePort
from .mailbox import Mailbox
from .server import Server
from .streams import Bus
from .window import WindowPort


class Link(wiring.Component):
    """The device's end of :mod:`tilefold_hw.link`.

    ``uncobs ─► mailbox ─► server ─► seal ─► cobs``

    Parameters
    ----------
    slots : int
        Requests that are kept until they are done.
    ring : int
        Bytes of the intake and of the window.
    counter_width : int

    Members
    -------
    i : In(stream of 8 bits)
        Taken in every cycle.
    broken : In(1)
        A byte was lost on the line.
    o : Out(stream of 8 bits)
    opened, bus, intake, window
        Those of the :class:`~tilefold_gateware.server.Server`.
    damaged, dropped, wrong : Out(counter_width)
        Frames and requests that were not done, and why.
    """

    def __init__(self, slots: int, ring: int, counter_width: int):
        self.slots = slots
        self.ring = ring
        self.counter_width = counter_width
        super().__init__(
            {
                "i": In(stream.Signature(8)),
                "broken": In(1),
                "o": Out(stream.Signature(8)),
                "opened": Out(1),
                "bus": Out(Bus(32)),
                "intake": Out(IntakePort(ring)),
                "window": Out(WindowPort()),
                **dict.fromkeys(("damaged", "dropped", "wrong"), Out(counter_width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.uncobs = uncobs = CobsDecoder()
        mailbox = Mailbox(self.slots, self.counter_width)
        server = Server(self.ring, self.counter_width)
        connect(m, flipped(self.i), uncobs.i)
        connect(m, uncobs.o, mailbox.i)
        chain(
            m,
            mailbox=mailbox,
            server=server,
            seal=Sealer(),
            cobs=CobsEncoder(),
            o=flipped(self.o),
        )
        for name in ("bus", "intake", "window"):
            connect(m, getattr(server, name), flipped(getattr(self, name)))
        m.d.comb += [
            uncobs.broken.eq(self.broken),
            mailbox.done.eq(server.done),
            self.opened.eq(server.opened),
            self.damaged.eq(mailbox.damaged),
            self.dropped.eq(mailbox.dropped),
            self.wrong.eq(server.wrong),
        ]
        return m
