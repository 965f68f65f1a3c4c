"""Cases for the registers of a core behind AXI4-Lite, played by cocotb: not collected by pytest."""

import logging
import random
from dataclasses import replace

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from tilefold_hw.config import preset
from tilefold_hw.core import CoreConfig
from tilefold_hw.regs import DECODER, ENCODER, ID, Access

# Memories whose depth is no power of two.
CORE = CoreConfig(replace(preset("tiny"), tile=4, channels=5, tables=3), "codec")


class Host:
    """The core, and a master of its registers."""

    def __init__(self, dut):
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.ERROR)
        self.dut = dut
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
        self.bus = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
        dut.s_axis_tvalid.value = dut.m_axis_tready.value = 0

    def pause(self, share):
        for seed, channel in enumerate(
            (
                self.bus.write_if.aw_channel,
                self.bus.write_if.w_channel,
                self.bus.write_if.b_channel,
                self.bus.read_if.ar_channel,
                self.bus.read_if.r_channel,
            )
        ):
            chance = random.Random(seed)
            channel.set_pause_generator(iter(lambda c=chance: c.random() < share, None))

    async def reset(self):
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, 3)
        self.dut.rst.value = 0
        await ClockCycles(self.dut.clk, 2)

    async def read(self, address, length=4):
        return int.from_bytes((await self.bus.read(address, length)).data, "little")

    async def write(self, address, value, length=4):
        return (await self.bus.write(address, value.to_bytes(length, "little"))).resp


async def begun(dut):
    host = Host(dut)
    await host.reset()
    return host


def settings():
    """Byte address and register of all settings of both sides."""
    return [
        (window.byte(reg.address), reg)
        for window in CORE.windows
        for reg in window.regs.registers
        if reg.access is Access.SHADOW
    ]


@cocotb.test()
async def settings_are_read_back_whatever_bytes_they_came_in(dut):
    host = await begun(dut)
    chance = random.Random(0)
    for share in (0.0, 0.5):
        host.pause(share)
        model = {address: 0 for address, _ in settings()}
        for address in model:
            await host.write(address, 0)
        for _ in range(120):
            address, reg = chance.choice(settings())
            first = chance.randrange(4)
            count = chance.randrange(1, 5 - first)
            value = chance.getrandbits(8 * count)
            assert await host.write(address + first, value, count) == AxiResp.OKAY
            mask = (1 << 8 * count) - 1 << 8 * first
            model[address] = (model[address] & ~mask | value << 8 * first) & (1 << reg.width) - 1
            looked = chance.choice(list(model))
            signed = next(reg for at, reg in settings() if at == looked)
            got = await host.read(looked) & (1 << signed.width) - 1
            assert got == model[looked], signed.name


@cocotb.test()
async def unaligned_accesses_span_words(dut):
    host = await begun(dut)
    (low, _), (high, second), *_ = settings()
    assert high == low + 4
    await host.write(low, 0, 8)
    await host.write(low + 3, 0x0201, 2)  # the last byte of one, the first of the next
    assert await host.read(high) == 0x02 & (1 << second.width) - 1
    identity = await host.read(2, 4)
    assert identity & 0xFFFF == ID >> 16


@cocotb.test()
async def what_is_not_there_is_an_error_and_changes_nothing(dut):
    host = await begun(dut)
    for window in CORE.windows:
        known = {reg.address: reg.access for reg in window.regs.registers}
        for word in range(0x20):
            address = window.byte(word)
            read = (await host.bus.read(address, 4)).resp
            assert read == (AxiResp.OKAY if word in known else AxiResp.SLVERR), word
            if known.get(word) not in (Access.W1, Access.SHADOW):
                wrote = await host.write(address, 0)
                assert wrote == (
                    AxiResp.OKAY if known.get(word) is Access.W1C else AxiResp.SLVERR
                ), word
        for memory in window.regs.memories:
            ends = (memory.address, memory.address + memory.depth - 1)
            for word in ends:
                assert await host.write(window.byte(word), 0) == AxiResp.OKAY
                assert (await host.bus.read(window.byte(word), 4)).resp == AxiResp.SLVERR
            if memory.depth & (memory.depth - 1):
                assert await host.write(window.byte(ends[1] + 1), 0) == AxiResp.SLVERR
    assert await host.read(0) == ID


@cocotb.test()
async def bytes_that_are_left_out_do_not_act(dut):
    """Errors are cleared by ones: what a write leaves out is not read and written back."""
    host = await begun(dut)
    regs = CORE.windows[0].regs
    control, errors, status = (
        4 * regs.register(name).address for name in ("control", "errors", "status")
    )
    await host.write(control, 1)  # a commit; until a packet begins, nothing may be written
    assert await host.read(status) & 0b11 == 0b11
    await host.write(4 * regs.register("groups").address, 1)
    assert await host.read(errors) == 1
    await host.write(errors + 1, 0xFF, 1)
    assert await host.read(errors) == 1
    await host.write(errors, 1, 1)
    assert await host.read(errors) == 0


@cocotb.test()
async def reads_and_writes_at_once_take_turns(dut):
    host = await begun(dut)
    host.pause(0.3)
    address, reg = settings()[1]

    async def write():
        for value in range(40):
            await host.write(address, value)

    async def read():
        before = 0
        for _ in range(40):
            assert await host.read(0) == ID
            now = await host.read(address)
            assert before <= now < 40
            before = now

    both = [cocotb.start_soon(each) for each in (write(), read())]
    for each in both:
        await each
    assert await host.read(address) == 39 & (1 << reg.width) - 1


@cocotb.test()
async def accesses_that_wait_keep_their_order_and_none_starves(dut):
    host = await begun(dut)
    address, _ = settings()[1]
    host.pause(0.9)
    reads = [host.bus.init_read(4 * (number % 3), 4) for number in range(20)]
    writes = [host.bus.init_write(address, bytes([number, 0, 0, 0])) for number in range(20)]
    read = wrote = 0
    while read + wrote < 40:
        await RisingEdge(dut.clk)
        read += int(dut.s_axil_rvalid.value) & int(dut.s_axil_rready.value)
        wrote += int(dut.s_axil_bvalid.value) & int(dut.s_axil_bready.value)
        assert abs(read - wrote) < 8
    await ClockCycles(dut.clk, 4)
    digest = int(CORE.codec.digest[:8], 16)
    window = CORE.windows[0]
    version = ENCODER if window.side == "encoder" else DECODER
    for number, event in enumerate(reads):
        got = int.from_bytes(event.data.data, "little")
        assert got == (ID, version, digest)[number % 3]
    assert all(event.data.resp == AxiResp.OKAY for event in writes)
    assert await host.read(address) == 19


@cocotb.test()
async def a_reset_in_mid_access_leaves_a_sound_bus(dut):
    host = await begun(dut)
    address, _ = settings()[1]
    for cycles in range(1, 12):
        host.bus.init_write(address, b"\x07\x00\x00\x00")
        host.bus.init_read(0, 4)
        await ClockCycles(dut.clk, cycles)
        await host.reset()
        assert await host.write(address, 5) == AxiResp.OKAY
        assert await host.read(address) == 5
        assert await host.read(0) == ID
