import numpy as np
import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator
from helpers.host import Host

from tilefold_gateware.control import Control
from tilefold_gateware.streams import banks
from tilefold_hw import regs
from tilefold_hw.config import CodecConfig
from tilefold_hw.regs import decoder_map, encoder_map

CONFIG = CodecConfig(tile=4, channels=5, tables=3, project_macs=2, expand_macs=2)
MAPS = {"encoder": encoder_map(CONFIG), "decoder": decoder_map(CONFIG)}
VERSION = 0x1234_5678


def simulate(bench, side="encoder"):
    """Run ``bench(ctx, dut, host)`` on the control of a side."""

    async def wrapped(ctx):
        await bench(ctx, dut, Host(ctx, dut.bus, MAPS[side]))

    dut = Control(MAPS[side], VERSION, CONFIG.digest)
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(wrapped)
    simulator.run()


async def pulse(ctx, *signals, **values):
    """Hold *signals* high for a cycle."""
    for signal in signals:
        ctx.set(signal, 1)
    await ctx.tick()
    for signal in signals:
        ctx.set(signal, 0)


async def commit(ctx, host):
    """Commit, and wait until that is in effect."""
    await host.write("control", regs.COMMIT)
    await ctx.tick()


async def end(ctx, dut, bank):
    ctx.set(dut.done_bank, bank)
    await pulse(ctx, dut.done)


@pytest.mark.parametrize("side", MAPS)
def test_tells_who_it_is(side):
    async def bench(ctx, dut, host):
        assert await host.read("id") == regs.ID
        assert await host.read("version") == VERSION
        assert await host.read("digest") == int(CONFIG.digest[:8], 16)
        assert await host.read("control") == 0
        assert await host.read("status") == 0
        assert await host.read("errors") == 0

    simulate(bench, side)


@pytest.mark.parametrize("side", MAPS)
def test_settings_read_back_as_written_and_reach_their_bank(side):
    async def bench(ctx, dut, host):
        for bank in (1, 0):
            for step, reg in enumerate(host.regmap.settings):
                for value in (0, (1 << reg.width) - 1, 1 << reg.width - 1, 5 + step):
                    await host.write(reg.name, value)
                    mask = (1 << reg.width) - 1
                    assert await host.read(reg.name) & mask == value & mask
                    assert ctx.get(banks(dut.settings)[bank][reg.name]) & mask == value & mask
                # The other registers keep what they hold.
                for other, before in enumerate(host.regmap.settings[:step]):
                    mask = (1 << before.width) - 1
                    assert await host.read(before.name) & mask == 5 + other & mask
            await commit(ctx, host)
            assert ctx.get(dut.next_bank) == bank
            await pulse(ctx, dut.begin)
            # What is read now is the other bank: the first time, it was never written.
            for reg in host.regmap.settings if bank else ():
                assert await host.read(reg.name) == 0
            await end(ctx, dut, bank)

    simulate(bench, side)


@pytest.mark.parametrize("side", MAPS)
def test_a_write_reaches_the_memory_and_the_bank_it_is_for(side):
    async def bench(ctx, dut, host):
        for bank in (1, 0):
            for memory in host.regmap.memories:
                for offset in sorted({0, 1, memory.depth // 2, memory.depth - 1}):
                    value = (0x5A5A_5A5A ^ offset) & (1 << memory.width) - 1
                    await host.put(memory.address + offset, value)
                    await ctx.tick()
                    for other in host.regmap.memories:
                        port = getattr(dut, other.name)
                        assert ctx.get(port.stb) == (other is memory)
                    port = getattr(dut, memory.name)
                    assert ctx.get(port.address) == bank << memory.address_width | offset
                    assert ctx.get(port.data) == value
                    await ctx.tick()
                    assert not ctx.get(port.stb)
                    assert await host.get(memory.address + offset) == 0
            await commit(ctx, host)
            await pulse(ctx, dut.begin)
            await end(ctx, dut, bank)

    simulate(bench, side)


def test_a_commit_takes_effect_with_the_next_packet():
    async def bench(ctx, dut, host):
        assert not ctx.get(dut.open)
        assert ctx.get(dut.next_bank) == 0
        await commit(ctx, host)
        assert ctx.get(dut.open)
        assert await host.read("status") == regs.PENDING | regs.BUSY | regs.CONFIGURED
        for _ in range(3):
            assert ctx.get(dut.next_bank) == 1
            await ctx.tick()
        await pulse(ctx, dut.begin)
        assert ctx.get(dut.next_bank) == 1
        # The other bank is free: nothing has run on it.
        assert await host.read("status") == regs.CONFIGURED
        await commit(ctx, host)
        assert ctx.get(dut.next_bank) == 0
        await pulse(ctx, dut.begin)
        assert await host.read("status") == regs.BUSY | regs.CONFIGURED
        await end(ctx, dut, 1)
        await ctx.tick()
        assert await host.read("status") == regs.CONFIGURED

    simulate(bench)


def test_no_packet_begins_while_a_commit_is_on_its_way():
    async def bench(ctx, dut, host):
        await commit(ctx, host)
        await pulse(ctx, dut.begin)
        assert ctx.get(dut.open)
        await host.write("control", regs.COMMIT)
        assert not ctx.get(dut.open)
        await ctx.tick()
        assert ctx.get(dut.open)
        assert ctx.get(dut.next_bank) == 0

    simulate(bench)


def test_a_commit_in_the_cycle_in_which_a_packet_begins_is_for_the_one_after():
    async def bench(ctx, dut, host):
        await commit(ctx, host)
        await pulse(ctx, dut.begin)
        await host.write("control", regs.COMMIT)
        await pulse(ctx, dut.begin)
        assert ctx.get(dut.next_bank) == 0
        assert await host.read("status") == regs.PENDING | regs.BUSY | regs.CONFIGURED
        assert await host.read("errors") == 0
        await pulse(ctx, dut.begin)
        # Both packets of the first layer are still inside.
        for _ in range(2):
            assert await host.read("status") == regs.BUSY | regs.CONFIGURED
            await end(ctx, dut, 1)
            await ctx.tick()
        assert await host.read("status") == regs.CONFIGURED

    simulate(bench)


@pytest.mark.parametrize("state", ["pending", "inside"])
def test_while_busy_nothing_is_written_and_an_error_sticks(state):
    async def bench(ctx, dut, host):
        for bank in (1, 0):
            for reg in host.regmap.settings:
                await host.write(reg.name, 1 + bank)
            await commit(ctx, host)
            if bank:
                await pulse(ctx, dut.begin)
        if state == "inside":
            await end(ctx, dut, 1)
            await pulse(ctx, dut.begin)
            ctx.set(dut.done_bank, 0)
            await commit(ctx, host)
            await pulse(ctx, dut.begin)
        before = [ctx.get(Value.cast(bank)) for bank in banks(dut.settings)]
        next_bank = ctx.get(dut.next_bank)
        attempts = [(reg.address, 0) for reg in host.regmap.settings]
        attempts += [(memory.address, 0) for memory in host.regmap.memories]
        attempts.append((host.regmap.register("control").address, regs.COMMIT))
        for address, value in attempts:
            assert await host.read("errors") == 0
            await host.put(address, value)
            await ctx.tick()
            for memory in host.regmap.memories:
                assert not ctx.get(getattr(dut, memory.name).stb)
            for _ in range(2):
                assert await host.read("errors") == regs.REFUSED
            await host.write("errors", regs.FRAMING)
            assert await host.read("errors") == regs.REFUSED
            await host.write("errors", regs.REFUSED)
        after = [ctx.get(Value.cast(bank)) for bank in banks(dut.settings)]
        assert after == before
        assert ctx.get(dut.next_bank) == next_bank
        assert await host.read("status") & regs.BUSY

    simulate(bench)


def test_clearing_and_writing_to_what_is_no_setting_are_never_refused():
    async def bench(ctx, dut, host):
        await commit(ctx, host)
        await host.write("control", regs.CLEAR)
        for name in ("id", "version", "digest", "status", "tiles_count"):
            await host.write(name, 0xFFFF_FFFF)
        assert await host.read("id") == regs.ID
        assert await host.read("errors") == 0

    simulate(bench)


def test_errors_stick_until_a_one_is_written_and_none_is_lost_meanwhile():
    async def bench(ctx, dut, host):
        await pulse(ctx, dut.framing)
        assert await host.read("errors") == regs.FRAMING
        await host.write("errors", regs.REFUSED)
        assert await host.read("errors") == regs.FRAMING
        await host.write("errors", regs.FRAMING)
        await pulse(ctx, dut.framing)
        assert await host.read("errors") == regs.FRAMING
        await host.write("errors", regs.FRAMING)
        assert await host.read("errors") == 0

    simulate(bench)


@pytest.mark.parametrize("side", MAPS)
def test_every_counter_counts_its_own_event(side):
    async def bench(ctx, dut, host):
        rng = np.random.default_rng(0)
        names = [name.removesuffix("_count") for name in dut.counters]
        counts = dict.fromkeys(names, 0)
        for _ in range(60):
            for name in names:
                high = int(rng.random() < 0.4)
                ctx.set(getattr(dut, f"count_{name}"), high)
                counts[name] += high
            await ctx.tick()
        for name in names:
            ctx.set(getattr(dut, f"count_{name}"), 0)
        await ctx.tick().repeat(len(names) + 1)
        for name in names:
            assert await host.read(f"{name}_count") == counts[name]
        await host.write("control", regs.CLEAR)
        for name in names:
            assert await host.read(f"{name}_count") == 0
        assert not ctx.get(dut.open)

    simulate(bench, side)


def test_no_packet_sees_half_a_layer():
    """A host that writes without looking, while packets come and go; all settings of a layer are
    one number."""

    async def bench(ctx, dut, host):
        rng = np.random.default_rng(0)
        regmap = host.regmap
        names = [reg.name for reg in regmap.settings]
        inside = []  # banks and settings of the packets inside, the oldest first
        seen = set()
        committed = refused = 0

        def settings(bank):
            return [ctx.get(banks(dut.settings)[bank][name]) for name in names]

        async def cycle(address=None, value=0):
            """A cycle with a write, or none, in which a packet may begin and one may end."""
            begins = len(inside) < 4 and ctx.get(dut.open) and rng.random() < 0.15
            ends = bool(inside) and rng.random() < 0.15
            ctx.set(dut.begin, begins)
            ctx.set(dut.done, ends)
            if ends:
                ctx.set(dut.done_bank, inside.pop(0)[0])
            if begins:
                bank = ctx.get(dut.next_bank)
                inside.append((bank, settings(bank)))
                assert len(set(inside[-1][1])) == 1, "a packet begins on half a layer"
                seen.add(inside[-1][1][0])
            if address is None:
                await ctx.tick()
            else:
                await host.put(address, value)
            for bank, values in inside:
                assert settings(bank) == values, "settings change under a packet"

        errors = regmap.register("errors").address
        for layer in range(1, 400):
            addresses = [regmap.register(name).address for name in rng.permutation(names)]
            for address in [*addresses, regmap.register("control").address]:
                last = address == regmap.register("control").address
                while rng.random() < 0.2:
                    await cycle()
                await cycle(address, regs.COMMIT if last else layer % 7 + 1)
                ctx.set(dut.begin, 0)
                ctx.set(dut.done, 0)
            # Only now does it look. One write that was refused has spoiled the layer.
            if await host.get(errors):
                refused += 1
                await host.put(errors, regs.REFUSED)
            else:
                committed += 1
        assert seen == set(range(1, 8))
        assert committed > 50
        assert refused > 50

    simulate(bench)


@pytest.mark.parametrize("side", MAPS)
def test_after_a_reset_registers_read_as_the_map_says(side):
    async def bench(ctx, dut, host):
        for reg in MAPS[side].registers:
            if reg.name != "version":  # the bank is told it, here one of our own
                assert await host.read(reg.name) == reg.reset, reg.name

    simulate(bench, side)


@pytest.mark.parametrize("side", MAPS)
def test_signed_settings_read_with_their_sign(side):
    async def bench(ctx, dut, host):
        for reg in MAPS[side].settings:
            await host.write(reg.name, 0xFFFF_FFFF)
        for reg in MAPS[side].settings:
            most = 0xFFFF_FFFF if reg.signed else (1 << reg.width) - 1
            assert await host.read(reg.name) == most, reg.name

    simulate(bench, side)
