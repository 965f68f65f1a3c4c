"""Mailbox: whole and sound requests, until they are done."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.link import BODY_MOST, CRC, HEADER

from .cobs import Pieces
from .crc import Crc
from .reader import Reader

_PLACE = 8  # bits: of a place in a slot
_LENGTH = (1 << _PLACE) - 1  # where the length of the data is: behind everything else
_SEALED_LEAST, _SEALED_MOST = HEADER.size + CRC.size, BODY_MOST + CRC.size


class Mailbox(wiring.Component):
    """Keep the requests that come, each in a slot of a memory, and give them in order.

    What is damaged leaves nothing: a frame that is not sound, whose CRC is not right, or that is
    shorter or longer than a request can be. The same holds for a frame that begins while all slots
    are taken.

    Parameters
    ----------
    slots : int
        A power of two.
    counter_width : int

    Members
    -------
    i : In(Pieces)
        Frames: a body, and its CRC.
    o : Out(stream of 8 bits)
        The length of a request's data, then its body, then anything, until ``done``.
    done : In(1)
        The request leaves its slot; the next one follows.
    damaged, dropped : Out(counter_width)
        Frames that were damaged; frames that were not, and found no slot. Modulo the width.
    """

    def __init__(self, slots: int, counter_width: int):
        self.slots = slots
        super().__init__(
            {
                "i": In(Pieces()),
                "o": Out(stream.Signature(8)),
                "done": In(1),
                "damaged": Out(counter_width),
                "dropped": Out(counter_width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i = self.i
        m.submodules.reader = reader = Reader(8, self.slots << _PLACE)
        m.submodules.crc = crc = Crc()
        wiring.connect(m, reader.o, wiring.flipped(self.o))
        # Slots that were filled, and that were emptied: the lowest bits say which one is next.
        filled, emptied = Signal(range(2 * self.slots)), Signal(range(2 * self.slots))
        full = (filled ^ emptied) == self.slots

        place, lost = Signal(_PLACE), Signal()
        sound = i.good & crc.good & (place >= _SEALED_LEAST) & (place <= _SEALED_MOST)
        m.d.comb += [
            crc.data.eq(i.data),
            crc.step.eq(i.push),
            crc.clear.eq(i.end),
            reader.write.address.eq(Cat(Mux(i.end, _LENGTH, place), filled[:-1])),
            reader.write.data.eq(Mux(i.end, place - _SEALED_LEAST, i.data)),
            # A slot that is full is not to be touched; one that is not may be written at any time.
            reader.write.stb.eq(~full),
        ]
        with m.If(i.push):
            # One that is too long stays so.
            m.d.sync += [place.eq(place + (place != _LENGTH)), lost.eq(lost | full)]
        with m.If(i.end):
            m.d.sync += [place.eq(0), lost.eq(0)]
            with m.If(~sound):
                m.d.sync += self.damaged.eq(self.damaged + 1)
            with m.Elif(lost):
                m.d.sync += self.dropped.eq(self.dropped + 1)
            with m.Else():
                m.d.sync += filled.eq(filled + 1)

        wanted = Signal(_PLACE, init=_LENGTH)
        m.d.comb += [
            reader.address.eq(Cat(wanted, emptied[:-1])),
            reader.more.eq(filled != emptied),
            reader.flush.eq(self.done),
        ]
        with m.If(reader.step):
            m.d.sync += wanted.eq(wanted + 1)
        with m.If(self.done):
            m.d.sync += [wanted.eq(_LENGTH), emptied.eq(emptied + 1)]
        return m
