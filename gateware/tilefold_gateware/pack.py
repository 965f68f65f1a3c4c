"""Packer: fields of any width into whole memory words, with no gap."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, flipped

from tilefold_hw.config import CodecConfig

from .arith import shape
from .outlet import Reserve
from .pipeline import Timed, delay
from .shift import shift_cycles, shift_left
from .streams import each, inner, laned
from .tables import width_shape


class Packer(wiring.Component):
    """Pack fields into words, least significant bit first; a packet's last word ends with zeros.

    Words of a packet: ``max(1, ⌈Σ widths / word_width⌉)``, whatever the data and the stalls.

    A word leaves :func:`tilefold_hw.latency.pack` cycles after the item that brings the first bit
    past it, and the last of a packet a cycle later after the packet's last item: before that,
    nobody knows whether it is the last. One item a cycle, no bubble between packets. Golden model:
    :func:`tilefold.model.pack.pack`.

    Parameters
    ----------
    config : CodecConfig

    Members
    -------
    i : In(stream of inner(laned(config.field), width))
        Fields and their widths, ``laned`` too. ``last`` ends the packet.
    o : Out(stream of inner(word))
    """

    def __init__(self, config: CodecConfig):
        self.config = config
        lanes = config.lanes
        super().__init__(
            {
                "i": In(
                    stream.Signature(
                        inner(
                            laned(shape(config.field), lanes),
                            width=laned(width_shape(config), lanes),
                        )
                    )
                ),
                "o": Out(stream.Signature(inner(config.word_width))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        word, lanes = self.config.word_width, self.config.lanes
        item = self.i.payload
        doublings = lanes.bit_length() - 1
        # Levels of a shift in a cycle: many lanes are slower anyway, and must not be too deep.
        dense = lanes > 2

        # Words are announced as soon as the widths of an item are summed up, and a cycle after
        # that. What the queue holds besides lasts until fields that enter after a stall are words,
        # but for many lanes of the widest fields.
        flight = 2 + max(1, doublings)
        m.submodules.reserve = reserve = Reserve(self.o.payload.shape(), flight, places=15)
        wiring.connect(m, reserve.o, flipped(self.o))
        enter = self.i.valid & reserve.ready
        m.d.comb += self.i.ready.eq(reserve.ready)

        # cycle 1: cut the fields to their widths; a cycle without an item brings no bits.
        widths = each(item.width, lanes)
        fields = []
        for data, width in zip(each(item.data, lanes), widths, strict=True):
            ones = Cat(width > k for k in range(len(data)))
            fields.append(Timed(delay(m, Mux(enter, data.as_unsigned() & ones, 0), 1), 1))
        singles = [Timed(delay(m, Mux(enter, width, 0), 1), 1) for width in widths]
        pairs = [
            Timed(delay(m, Mux(enter, a + b, 0), 1), 1)
            for a, b in zip(widths[::2], widths[1::2], strict=False)
        ]
        last = Timed(delay(m, enter & item.last, 1), 1)
        bank = Timed(item.bank, 0)

        # Join them two by two.
        widths = singles
        while len(fields) > 1:
            fields = [
                _join(m, low, high, width, dense)
                for low, high, width in zip(fields[::2], fields[1::2], widths[::2], strict=True)
            ]
            widths = pairs
            pairs = [_add(m, a, b) for a, b in zip(pairs[::2], pairs[1::2], strict=False)]
        (bits,), (width,) = fields, widths

        # See where they start, and whether they fill a word. A packet of no bits at all still has a
        # word for ``last`` to stand on.
        start, filled = Signal(range(word)), Signal()
        end = start + width.value
        fills, ends, rest = end[len(start)], last.at(m, width.cycle), end[: len(start)]
        m.d.sync += [start.eq(Mux(ends, 0, rest)), filled.eq(~ends & (filled | fills))]
        offset, filled, fills, ends, rest = (
            Timed(delay(m, part, 1), width.cycle + 1) for part in (start, filled, fills, ends, rest)
        )
        more = Timed(rest.value.any(), rest.cycle)
        remains = more.value | ~(filled.value | fills.value)
        closes = Timed(ends.value & remains, ends.cycle)
        m.d.comb += reserve.coming.eq(fills.value | closes.at(m, closes.cycle + 1))

        # Shift them to their place, over the edge of the word at most once. After the end of a
        # packet comes a turn of its own, in which the rest of its bits is made ready to leave. Bits
        # of the next packet may come in the same cycle, but can't fill a word: they go where those
        # past the edge go.
        cycle = max(bits.cycle, offset.cycle)
        size = len(bits.value)
        near = offset.at(m, cycle)[:-1]
        shifted = shift_left(m, bits.at(m, cycle), near, size + word // 2 - 1, dense=dense)
        cycle += shift_cycles(len(near), dense=dense)
        whole = Mux(offset.at(m, cycle)[-1], shifted << word // 2, shifted)
        turn = ends.at(m, cycle + 1)
        placed = delay(m, Mux(turn, 0, whole[:word]), 1)
        spilled = delay(m, Mux(turn, shifted[:size], whole[word:]), 2)
        cycle += 1

        # Merge. A word that is complete leaves in the cycle after.
        merged = Signal(word)
        fresh, leaves = Signal(), Signal()
        filling, turn, closing = (
            fills.at(m, cycle),
            ends.at(m, cycle + 1),
            closes.at(m, cycle + 1),
        )
        m.d.sync += [
            merged.eq(Mux(fresh, spilled, merged) | placed),
            fresh.eq(filling | turn),
            leaves.eq(filling | closing),
        ]
        cycle += 1

        # Hold a word until a bit past it, or the end of its packet, tells if it is the last. There
        # is never another: the word before left with the first bit of this one.
        held, holds = Signal(inner(word)), Signal()
        of_item, of_turn = bank.at(m, cycle), bank.at(m, cycle + 1)
        of_word = Mux(fills.at(m, cycle), of_item, of_turn)
        with m.If(leaves):
            m.d.sync += [held.data.eq(merged), held.bank.eq(of_word), holds.eq(1)]
        with m.Elif(reserve.push):
            m.d.sync += holds.eq(0)
        cycle += 1
        final = ends.at(m, cycle + 1)
        m.d.comb += [
            reserve.payload.data.eq(held.data),
            reserve.payload.last.eq(final),
            reserve.payload.bank.eq(held.bank),
            reserve.push.eq(holds & (more.at(m, cycle) | final)),
        ]
        return m


def _join(m, low, high, width, dense):
    """Put the field *high* behind *low*, which has *width* bits."""
    cycle = max(low.cycle, high.cycle, width.cycle)
    places = width.at(m, cycle)
    bits = len(low.value) + len(high.value)
    moved = shift_left(m, high.at(m, cycle), places[:-1], bits, dense=dense)
    cycle += shift_cycles(len(places) - 1, dense=dense)
    top = 1 << len(places) - 1
    whole = Mux(width.at(m, cycle)[-1], moved << top, moved)[:bits]
    return Timed(delay(m, whole | low.at(m, cycle), 1), cycle + 1)


def _add(m, a, b):
    """Sum of two widths."""
    return Timed(delay(m, a.value + b.value, 1), a.cycle + 1)
