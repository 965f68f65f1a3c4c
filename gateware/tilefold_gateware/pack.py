"""Packer: fields of any width into whole memory words, with no gap."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, flipped

from tilefold_hw.config import CodecConfig

from .arith import shape
from .outlet import Basin
from .pipeline import delay
from .streams import inner


class Packer(wiring.Component):
    """Pack fields into words, least significant bit first; a packet's last word ends with zeros.

    Words of a packet: ``max(1, ⌈Σ widths / word_width⌉)``, whatever the data and the stalls.

    A word leaves :data:`tilefold_hw.latency.PACK` cycles after the field that brings the first bit
    past it, and the last of a packet a cycle later after the packet's last field: before that,
    nobody knows whether it is the last. One field a cycle, no bubble between packets. Golden model:
    :func:`tilefold.model.pack.pack`.

    Parameters
    ----------
    config : CodecConfig

    Members
    -------
    i : In(stream of inner(config.field, width))
        Fields and their widths. ``last`` ends the packet.
    o : Out(stream of inner(word))
    """

    def __init__(self, config: CodecConfig):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(inner(shape(config.field), width=5))),
                "o": Out(stream.Signature(inner(config.word_width))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bits, word = self.config.field.width, self.config.word_width
        m.submodules.basin = basin = Basin(self.o.payload.shape(), flight=4)
        wiring.connect(m, basin.o, flipped(self.o))
        m.d.comb += self.i.ready.eq(basin.ready)

        # cycle 1: cut the field to its width; see where it starts, and whether it fills a word.
        field = self.i.payload
        enter = self.i.valid & basin.ready
        start = Signal(range(word))
        end = start + field.width
        cut = Signal(bits)
        offset = Signal.like(start)
        fills, ends, rest = Signal(), Signal(), Signal()
        m.d.sync += [
            cut.eq(field.data.as_unsigned() & Cat(field.width > k for k in range(bits))),
            offset.eq(start),
            fills.eq(enter & (end >= word)),
            ends.eq(enter & field.last),
            rest.eq(end[: len(start)] != 0),
        ]
        with m.If(enter):
            m.d.sync += start.eq(Mux(field.last, 0, end))
        valid, bank = delay(m, enter, 1), delay(m, field.bank, 1)

        # cycle 2: shift it to its place, over the edge of the word at most once.
        placed = Signal(word + bits)
        m.d.sync += placed.eq(cut << offset)
        valid, bank, fills, ends, rest = (
            delay(m, flag, 1) for flag in (valid, bank, fills, ends, rest)
        )

        # cycle 3: merge. After the end of a packet comes a turn of its own, in which the rest of
        # its bits leaves. A field of the next packet may come in the same cycle, but can't fill a
        # word: it is the first, and narrower than a word.
        flush, remains, filled = Signal(), Signal(), Signal()
        rest_bank = Signal()
        merged = Signal(word + bits)
        kept = Signal(word)
        m.d.comb += merged.eq(placed | Mux(flush, 0, kept))
        with m.If(valid):
            m.d.sync += [
                kept.eq(Mux(fills, merged[word:], merged)),
                filled.eq((filled & ~flush) | fills),
            ]
        with m.Elif(flush):
            m.d.sync += [kept.eq(0), filled.eq(0)]
        m.d.sync += [flush.eq(ends), remains.eq(rest), rest_bank.eq(bank)]

        # A packet of no bits at all still has a word for ``last`` to stand on.
        rest_leaves = flush & (remains | ~filled)

        # cycle 4: hold a word until a bit past it, or the end of its packet, tells if it is the
        # last. There is never another: the word before left with the first bit of this one.
        held = Signal(inner(word))
        held_valid, more, final = Signal(), Signal(), Signal()
        leaves = held_valid & (more | final)
        with m.If(fills | rest_leaves):
            m.d.sync += [
                held.data.eq(Mux(flush, kept, merged)),
                held.bank.eq(Mux(flush, rest_bank, bank)),
                held_valid.eq(1),
            ]
        with m.Elif(leaves):
            m.d.sync += held_valid.eq(0)
        with m.If(valid):
            m.d.sync += more.eq(rest)
        m.d.sync += final.eq(flush)
        m.d.comb += [
            basin.payload.data.eq(held.data),
            basin.payload.last.eq(final),
            basin.payload.bank.eq(held.bank),
            basin.push.eq(leaves),
        ]
        return m
