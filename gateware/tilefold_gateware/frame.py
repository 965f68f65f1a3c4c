"""Framer: counts samples into packets and chooses the bank of settings that each packet runs on."""

from amaranth.hdl import Module, Mux, ShapeLike, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.config import GROUPS_WIDTH, CodecConfig

from .pipeline import delay
from .streams import inner


class Framer(wiring.Component):
    """Give every sample its packet's ``bank``, and ``last`` to the last one.

    Samples come in pixel-major tile groups, *lanes* neighbouring pixels of a channel at a time; a
    packet is ``groups`` of them. Nothing is taken before a layer has been committed.

    Latency 0; one item a cycle.

    Parameters
    ----------
    config : CodecConfig
    shape : ShapeLike
        Shape of what an item carries.

    Members
    -------
    i : In(stream of shape)
    o : Out(stream of inner(shape))
    open : In(1)
        A packet may begin.
    next_bank : In(1)
        Bank of a packet that begins in this cycle.
    begin : Out(1)
        A packet's first sample is offered at ``o`` in this cycle, for the first time: from here on
        its bank stands, however long the sample waits.
    bank : Out(1)
        Bank of the packet that has begun.
    channels, groups : In
        Samples of a pixel and tile groups of a packet, in that bank.
    seven : In(1)
        Its tiles have 7 points. Only if layers may choose.
    """

    def __init__(self, config: CodecConfig, shape: ShapeLike):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(inner(shape))),
                "open": In(1),
                "next_bank": In(1),
                "begin": Out(1),
                "bank": Out(1),
                "channels": In(range(config.channels + 1)),
                "groups": In(GROUPS_WIDTH),
                **({"seven": In(1)} if config.sevens else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        inside, bank = Signal(), Signal()
        config = self.config
        pieces = config.pixels // config.lanes
        piece, piece_last = Signal(range(pieces)), Signal()
        channel, channel_last = Signal(range(1, config.channels + 1), init=1), Signal()
        group, group_last = Signal(GROUPS_WIDTH, init=1), Signal()

        # How many items there are is all that counts: pieces as if they were inside of channels.
        # The comparisons have the time that a channel takes, eight cycles at least.
        channels, groups = delay(m, self.channels, 1), delay(m, self.groups, 1)
        last = piece_last & channel_last & group_last
        nearly = pieces - 2
        if config.sevens:
            nearly = Mux(delay(m, self.seven, 1), config.pixels_least - 2, nearly)
        m.d.comb += [
            self.bank.eq(bank),
            self.o.payload.data.eq(self.i.payload),
            self.o.payload.last.eq(last),
            self.o.payload.bank.eq(Mux(inside, bank, self.next_bank)),
            self.o.valid.eq(self.i.valid & (inside | self.open)),
            self.i.ready.eq(self.o.ready & (inside | self.open)),
            self.begin.eq(self.o.valid & ~inside),
        ]
        m.d.sync += [
            channel_last.eq(channel == channels),
            group_last.eq(group == groups),
        ]
        with m.If(self.begin):
            m.d.sync += [inside.eq(1), bank.eq(self.next_bank)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [
                piece.eq(Mux(piece_last, 0, piece + 1)),
                piece_last.eq(piece == nearly),
            ]
            with m.If(piece_last):
                m.d.sync += channel.eq(Mux(channel_last, 1, channel + 1))
            with m.If(piece_last & channel_last):
                m.d.sync += group.eq(Mux(group_last, 1, group + 1))
            with m.If(last):
                m.d.sync += inside.eq(0)
        return m
