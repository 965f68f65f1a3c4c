"""Access to the registers of a core's sides, one at a time, for buses with bytes and errors."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.core import CoreConfig
from tilefold_hw.regs import Access as Kind
from tilefold_hw.regs import RegisterMap

from .pipeline import delay
from .streams import Bus

_READ = frozenset({Kind.R, Kind.RW, Kind.W1, Kind.W1C, Kind.SHADOW})
_WRITTEN = frozenset({Kind.RW, Kind.W1, Kind.W1C, Kind.SHADOW})
_ACT = frozenset({Kind.W1, Kind.W1C})


def request_layout(address_width: int) -> data.StructLayout:
    """What is asked for: ``write`` those bytes of ``data`` that ``strobes`` says, or read.

    ``address`` counts bytes; its two lowest bits are not looked at.
    """
    return data.StructLayout({"address": address_width, "write": 1, "data": 32, "strobes": 4})


RESPONSE = data.StructLayout({"data": 32, "error": 1})
"""What came of it."""


class Access(wiring.Component):
    """Read and write the registers of a core's sides, a word at a time.

    Where nothing can be written or read at an address, nothing is, and ``error`` says so: memories
    are write-only. Bytes of a register that a write leaves out stay as they are; those of a
    register that acts on ones are zeros. Bytes of a word of a memory are as in the write before, if
    that was to the same word, and else zeros: so a word may come in parts, one after the other.

    Four cycles from a request to its response, as soon as that is taken.

    Parameters
    ----------
    config : CoreConfig

    Members
    -------
    i : In(stream of request_layout(config.address_width))
    o : Out(stream of RESPONSE)
    encoder, decoder : Out(Bus)
        Of the sides that there are.
    """

    def __init__(self, config: CoreConfig):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(request_layout(config.address_width))),
                "o": Out(stream.Signature(RESPONSE)),
                **{window.side: Out(Bus(window.regs.address_width)) for window in config.windows},
            }
        )

    def elaborate(self, platform):
        m = Module()
        asked = Signal(request_layout(self.config.address_width))
        word = asked.address[2:]
        content = Signal(32)

        # What is at the address, found out while it is read.
        read, here, kinds = [], {}, []
        for window in self.config.windows:
            bus, width = getattr(self, window.side), window.regs.address_width
            here[window.side] = word[width:] == window.base >> 2 + width
            kinds.append([here[window.side] & kind for kind in _kinds(word[:width], window.regs)])
            m.d.comb += [bus.address.eq(word), bus.w_data.eq(content)]
            read.append(Mux(here[window.side], bus.r_data, 0))
        reads, writes, acts, memory = (
            delay(m, reduce(or_, each), 1) for each in zip(*kinds, strict=True)
        )

        # Of a write of some bytes, what the others are.
        kept, kept_at, some = Signal(32), Signal.like(word), Signal()
        before = Mux(memory, Mux(some & (kept_at == word), kept, 0), reduce(or_, read))
        others = Mux(acts, 0, before)
        bits = Cat(strobe.replicate(8) for strobe in asked.strobes)

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += asked.eq(self.i.payload)
                with m.If(self.i.valid):
                    m.next = "READ"
            with m.State("READ"):
                m.next = "MERGE"
            with m.State("MERGE"):
                merged = asked.data & bits | others & ~bits
                m.d.sync += [
                    content.eq(Mux(asked.write, merged, reduce(or_, read))),
                    self.o.payload.error.eq(~Mux(asked.write, writes, reads)),
                ]
                m.next = "WRITE"
            with m.State("WRITE"):
                with m.If(asked.write & ~self.o.payload.error):
                    for side, it in here.items():
                        m.d.comb += getattr(self, side).w_stb.eq(it)
                    with m.If(memory):
                        m.d.sync += [kept.eq(content), kept_at.eq(word), some.eq(1)]
                m.next = "TELL"
            with m.State("TELL"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "IDLE"
        m.d.comb += self.o.payload.data.eq(content)
        return m


def _kinds(word, regs: RegisterMap) -> tuple[Value, ...]:
    """Whether *word* can be read and written, acts when it is written, and is of a memory."""
    at = {kinds: Const(0) for kinds in (_READ, _WRITTEN, _ACT)}
    for reg in regs.registers:
        for kinds in at:
            if reg.access in kinds:
                at[kinds] |= word == reg.address
    memory = Const(0)
    for each in regs.memories:
        bits = each.address_width
        inside = word[bits:] == each.address >> bits
        memory |= inside & (word[:bits] < each.depth)
    return at[_READ], at[_WRITTEN] | memory, at[_ACT], memory
