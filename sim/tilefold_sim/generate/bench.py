"""The bench in cocotb: plays the vectors against a core with the AXI models that others test with.

What is written is a program of its own, which needs nothing of Tilefold.
"""

from string import Template

from tilefold_hw.core import CoreConfig
from tilefold_hw.regs import BUSY, ID

from .vectors import PACKETS, Vectors

_BENCH = '''\
"""Bench of $module in cocotb: pip install cocotb$requires, then

    python test_$module.py             in Icarus Verilog; or
    SIM=verilator python test_$module.py

Run it in the folder that it lies in.
"""

import logging
import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
$imports
HERE = Path(__file__).parent
BASES = {$bases}
STATUS, ERRORS, BUSY, ID = 0x0C, 0x14, $busy, 0x$identity


def numbers(name):
    return [int(line, 16) for line in (HERE / "vectors" / name).read_text().split()]


def packets(name, width):
    """Beats of whole packets, as lists of tdata."""
    found = [[]]
    for beat in numbers(name):
        found[-1].append(beat & (1 << width) - 1)
        if beat >> width:
            found.append([])
    return found[:-1]


def to_bytes(beats, width):
    return b"".join(beat.to_bytes(width // 8, "little") for beat in beats)


def pauses(seed, share):
    """Pause in some cycles."""
    chance = random.Random(seed)
    while True:
        yield chance.random() < share

$model
class Core:
    """The core, with whoever talks to it."""

    def __init__(self, dut):
        self.dut = dut
        self.clock, self.reset = dut.$clk, dut.$rst
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.WARNING)
        cocotb.start_soon(Clock(self.clock, 10, unit="ns").start())
        self.source = AxiStreamSource(
            AxiStreamBus.from_prefix(dut, "s_axis"),
            self.clock,
            self.reset,
            reset_active_level=$level,
        )
        self.sink = AxiStreamSink(
            AxiStreamBus.from_prefix(dut, "m_axis"),
            self.clock,
            self.reset,
            reset_active_level=$level,
        )
$connect
    async def start(self):
        """Reset."""
        self.reset.value = $on
        await ClockCycles(self.clock, 4)
        self.reset.value = $off
        await ClockCycles(self.clock, 2)

    def pause(self, share):
        """Pause in a share of the cycles, on every channel."""
        self.source.set_pause_generator(pauses(1, share))
        self.sink.set_pause_generator(pauses(2, share))
$pause
    async def read(self, address):
        return int.from_bytes(bytes(await self.bus.read(address, 4)), "little")

    async def load(self, writes):
        """Write a layer's settings, as soon as none of the layer before last is in use."""
        for base in BASES.values():
            while await self.read(base + STATUS) & BUSY:
                pass
        for write in writes:
            await self.bus.write(write >> 32, (write & 0xFFFFFFFF).to_bytes(4, "little"))

    async def play(self, share):
        """Play all vectors, and compare every byte."""
        self.pause(share)
        written = sent = received = 0
        writes, ends = numbers("writes.hex"), numbers("ends.hex")
        inputs, outputs = packets("inputs.hex", $taken), packets("outputs.hex", $given)
        for last_write, last_in, last_out in zip(*[iter(ends)] * 3):
            await self.load(writes[written:last_write])
            written = last_write
            count = 0
            while sent < last_in:
                packet = inputs.pop(0)
                await self.source.send(AxiStreamFrame(to_bytes(packet, $taken)))
                sent += len(packet)
                count += 1
            for _ in range(count):
                frame = await with_timeout(self.sink.recv(), 10, "ms")
                expected = outputs.pop(0)
                assert bytes(frame.tdata) == to_bytes(expected, $given)
                received += len(expected)
            assert received == last_out
        for side, base in BASES.items():
            assert await self.read(base + ERRORS) == 0, side
        assert self.sink.empty()


@cocotb.test()
async def it_tells_who_it_is(dut):
    core = Core(dut)
    await core.start()
    for base in BASES.values():
        assert await core.read(base) == ID


@cocotb.test()
async def vectors_come_out(dut):
    core = Core(dut)
    await core.start()
    await core.play(0)


@cocotb.test()
async def vectors_come_out_with_pauses_on_all_channels(dut):
    core = Core(dut)
    await core.start()
    await core.play(0.3)


@cocotb.test()
async def a_reset_in_mid_packet_forgets_it(dut):
    core = Core(dut)
    await core.start()
    await core.load(numbers("writes.hex")[: numbers("ends.hex")[0]])
    core.source.send_nowait(AxiStreamFrame(to_bytes(packets("inputs.hex", $taken)[0], $taken)))
    for _ in range(5):
        await RisingEdge(core.clock)
    core.source.clear()
    await core.start()
    core.sink.clear()
    await core.play(0)
$rate

if __name__ == "__main__":
    from cocotb_tools.runner import get_runner

    simulator = os.environ.get("SIM", "icarus")
    runner = get_runner(simulator)
    runner.build(
        sources=[HERE / "$module.v"],
        hdl_toplevel="$module",
        build_dir=HERE / "sim_build" / simulator,
        build_args=["-Wno-fatal"] if simulator == "verilator" else [],
        timescale=("1ns", "1ps"),
    )
    runner.test(
        test_module="test_$module",
        hdl_toplevel="$module",
        build_dir=HERE / "sim_build" / simulator,
        test_dir=HERE,
        timescale=("1ns", "1ps"),
    )
'''

_AXI = {
    "imports": """\
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)
""",
    "model": "",
    "connect": """\
        self.bus = AxiLiteMaster(
            AxiLiteBus.from_prefix(dut, "s_axil"),
            self.clock,
            self.reset,
            reset_active_level=$level,
        )
""",
    "pause": """\
        for number, channel in enumerate(
            (
                self.bus.write_if.aw_channel,
                self.bus.write_if.w_channel,
                self.bus.write_if.b_channel,
                self.bus.read_if.ar_channel,
                self.bus.read_if.r_channel,
            )
        ):
            channel.set_pause_generator(pauses(3 + number, share))
""",
}

_WISHBONE = {
    "imports": """\
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource
""",
    "model": '''
class Wishbone:
    """A master of classic cycles."""

    def __init__(self, dut, clock):
        self.dut, self.clock = dut, clock
        for name in ("adr", "dat", "we", "cyc", "stb"):
            getattr(dut, f"wb_{name}_i").value = 0
        dut.wb_sel_i.value = 0xF

    async def access(self, address, write, value):
        dut = self.dut
        dut.wb_adr_i.value = address >> 2
        dut.wb_we_i.value, dut.wb_dat_i.value = write, value
        dut.wb_cyc_i.value = dut.wb_stb_i.value = 1
        while True:
            await RisingEdge(self.clock)
            if dut.wb_ack_o.value or dut.wb_err_o.value:
                break
        dut.wb_cyc_i.value = dut.wb_stb_i.value = 0
        assert not int(dut.wb_err_o.value), f"nothing at 0x{address:x}"
        answer = int(dut.wb_dat_o.value)
        await RisingEdge(self.clock)
        return answer

    async def read(self, address, length):
        return (await self.access(address, 0, 0)).to_bytes(length, "little")

    async def write(self, address, data):
        await self.access(address, 1, int.from_bytes(data, "little"))

''',
    "connect": "        self.bus = Wishbone(dut, self.clock)\n",
    "pause": "",
}


_RATE = '''

@cocotb.test()
async def a_beat_moves_every_cycle(dut):
    """$many packets take no more cycles than they have beats of samples, or a projector needs."""
    core = Core(dut)
    await core.start()
    await core.load(numbers("writes.hex")[: numbers("ends.hex")[0]])
    packet = packets("inputs.hex", $taken)[0]
    for _ in range(1 + $many):
        core.source.send_nowait(AxiStreamFrame(to_bytes(packet, $taken)))
    moved = []
    cycle = 0
    while len(moved) < (1 + $many) * $beats:
        await RisingEdge(core.clock)
        cycle += 1
        if int(dut.${side}_tvalid.value) and int(dut.${side}_tready.value):
            moved.append(cycle)
    # The first one finds a layer that was only just committed.
    assert moved[-1] - moved[$beats] < $many * $cycles
'''

MANY = 5
"""Packets over which the rate is told."""


def bench(core: CoreConfig, vectors: Vectors) -> str:
    """Write the bench."""
    clock, reset = core.clock_pins
    taken, given = core.data_widths
    words = {
        "module": core.module,
        "requires": " cocotbext-axi",
        "bases": ", ".join(f'"{each.side}": 0x{each.base:X}' for each in core.windows),
        "busy": BUSY,
        "identity": f"{ID:X}",
        "clk": clock,
        "rst": reset,
        "on": int(not core.active_low),
        "off": int(core.active_low),
        "level": not core.active_low,
        "taken": taken,
        "given": given,
    }
    parts = _AXI if core.bus == "axi-lite" else _WISHBONE
    words |= {name: Template(text).substitute(words) for name, text in parts.items()}
    if core.block != "codec":  # whose memory may hold it back
        samples = vectors.outputs if core.block == "decoder" else vectors.inputs
        words |= {
            "many": MANY,
            "beats": len(samples[0]) // PACKETS,
            "cycles": vectors.cycles[0],
            "side": "m_axis" if core.block == "decoder" else "s_axis",
        }
    rate = "" if core.block == "codec" else Template(_RATE).substitute(words)
    return Template(_BENCH).substitute(words, rate=rate)
