"""Control: the register bank of one side, its shadowed settings, counters and sticky errors."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw import regs
from tilefold_hw.regs import RegisterMap

from .count import Counters
from .pipeline import delay
from .streams import Bus, Write, banked, banks


class Control(wiring.Component):
    """Registers of an encoder or a decoder.

    Settings have two banks. Packets run on one, the host writes the other, and a commit makes the
    next packet that begins, and all after it, run on what was written. While a commit is pending,
    or a packet of the bank to be written is still inside, writes to settings and commits are
    ignored and ``refused`` is raised. Nothing is committed while it is: a layer of which one write
    was refused must be written again. So no packet can see half a layer.

    Parameters
    ----------
    regmap : RegisterMap
    version : int
        Content of the ``version`` register.
    digest : str
        Digest of the configuration, in hex.
    lanes : int
        Samples of a cycle.

    Members
    -------
    bus : In(Bus)
        A write is in effect after two cycles, for all that follows it: a packet that begins, and
        what is read.
    settings : Out(banked(layout), a field a setting)
        The banks, to be chosen from by the ``bank`` of the data.
    open : Out(1)
        A packet may begin: a layer has been committed, and no commit is on its way.
    next_bank : Out(1)
        Bank of a packet that begins in this cycle.
    begin : In(1)
        A packet begins in this cycle.
    done, done_bank : In(1)
        The last item of a packet of that bank leaves in this cycle.
    count_* : In(range(lanes + 1))
        Count so many, on the counter of that name, which tells it some cycles later.
    framing : In(1)
        Raise the sticky error of that name.
    *memory* : Out(Write)
        A port for every memory of the map; the top bit of its address is the bank.
    """

    # More packets than can be inside at once: the smallest has 16 samples.
    _INSIDE = 256

    def __init__(self, regmap: RegisterMap, version: int, digest: str, lanes: int = 1):
        self.regmap = regmap
        self.version = version
        self.digest = digest
        self.lanes = lanes
        self.counters = [reg.name for reg in regmap.registers if reg.name.endswith("_count")]
        super().__init__(
            {
                "bus": In(Bus(regmap.address_width)),
                "settings": Out(banked(settings_layout(regmap))),
                "open": Out(1),
                "next_bank": Out(1),
                "begin": In(1),
                "done": In(1),
                "done_bank": In(1),
                "framing": In(1),
                **{
                    f"count_{name.removesuffix('_count')}": In(range(lanes + 1))
                    for name in self.counters
                },
                **{
                    memory.name: Out(Write(1 + memory.address_width, memory.width))
                    for memory in regmap.memories
                },
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus = self.bus

        # Which bank is whose.
        front, pending, configured = Signal(), Signal(), Signal()
        shadow = Signal()
        inside = [Signal(range(self._INSIDE), name=f"inside_{bank}") for bank in range(2)]
        m.d.comb += [self.next_bank.eq(front ^ pending), shadow.eq(~front)]
        with m.If(self.begin):
            m.d.sync += [front.eq(self.next_bank), pending.eq(0)]
        # Counted a cycle later: no packet is so short that its bank would be the shadow by then.
        for bank, packets in enumerate(inside):
            begins = delay(m, self.begin & (self.next_bank == bank), 1)
            ends = delay(m, self.done & (self.done_bank == bank), 1)
            m.d.sync += packets.eq(packets + begins - ends)
        busy, some = Signal(), Signal(2)
        # A packet that begins in this cycle is no matter: it takes the other bank.
        m.d.sync += some.eq(Cat(packets.any() for packets in inside))
        m.d.comb += busy.eq(pending | some.bit_select(shadow, 1))
        free = ~busy

        status = Cat(pending, busy, configured)
        errors, sticky, late = Signal(2), Signal(2), Signal(2)
        identity = {"id": regs.ID, "version": self.version, "digest": int(self.digest[:8], 16)}

        refused, commit, clear, cleared = Signal(), Signal(), Signal(), Signal(2)
        whole = free & ~errors[0]
        with m.If(commit & whole):
            m.d.sync += [pending.eq(1), configured.eq(1)]
        with m.If(commit & ~whole):
            m.d.comb += refused.eq(1)
        counters = self._counters(m, clear)

        # An access is acted on a cycle later, when it has been found out what it is for.
        address, w_stb, w_data = (
            delay(m, value, 1) for value in (bus.address, bus.w_stb, bus.w_data)
        )
        fixed, counted, read = Const(0, 32), Const(0), []
        for reg in self.regmap.registers:
            asked = bus.address == reg.address
            written = w_stb & delay(m, asked, 1)
            if reg.name in identity:
                fixed |= Mux(asked, identity[reg.name], 0)
            elif reg.name == "status":
                read.append(Mux(delay(m, asked, 1), status, 0))
            elif reg.name == "errors":
                read.append(Mux(delay(m, asked, 1), errors, 0))
                with m.If(written):
                    m.d.comb += cleared.eq(w_data)
            elif reg.name == "control":
                m.d.comb += [
                    Cat(commit, clear).eq(w_data & written.replicate(2)),
                    self.open.eq(configured & ~written),
                ]
            elif reg.name in self.counters:
                counted |= asked
            else:
                for bank, settings in enumerate(banks(self.settings)):
                    value = settings[reg.name]
                    read.append(Mux(delay(m, asked & (shadow == bank), 1), value, 0))
                    with m.If(written & free & (shadow == bank)):
                        m.d.sync += value.eq(w_data)
                with m.If(written & busy):
                    m.d.comb += refused.eq(1)
        # What does not depend on the access before is read a cycle early.
        read += [delay(m, fixed, 1), Mux(delay(m, counted, 1), counters.count, 0)]
        m.d.comb += [bus.r_data.eq(reduce(or_, read)), counters.number.eq(bus.address)]

        for memory in self.regmap.memories:
            port, bits = getattr(self, memory.name), memory.address_width
            written = w_stb & delay(m, bus.address[bits:] == memory.address >> bits, 1)
            m.d.sync += [
                port.stb.eq(written & free),
                port.address.eq(Cat(address[:bits], shadow)),
                port.data.eq(w_data),
            ]
            with m.If(written & busy):
                m.d.comb += refused.eq(1)

        # An error in the cycle in which it is cleared stays.
        m.d.comb += errors.eq(sticky | late)
        m.d.sync += [late.eq(Cat(refused, self.framing)), sticky.eq(errors & ~cleared)]
        return m

    def _counters(self, m, clear):
        m.submodules.counters = counters = Counters(len(self.counters), self.lanes, 32)
        m.d.comb += counters.clear.eq(clear)
        for number, name in enumerate(self.counters):
            event = getattr(self, f"count_{name.removesuffix('_count')}")
            m.d.comb += getattr(counters, f"events_{number}").eq(event)
        return counters


def settings_layout(regmap: RegisterMap) -> data.StructLayout:
    """Layout of one bank of settings."""
    return data.StructLayout(
        {
            reg.name: signed(reg.width) if reg.signed else unsigned(reg.width)
            for reg in regmap.settings
        }
    )
