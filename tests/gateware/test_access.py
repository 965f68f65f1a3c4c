"""Accesses to the registers of a core: what reaches the buses of its sides, and when."""

import random
from dataclasses import replace

import pytest
from amaranth.sim import Simulator

from tilefold_gateware.access import Access
from tilefold_hw.config import preset
from tilefold_hw.core import CoreConfig

CORE = CoreConfig(replace(preset("tiny"), tile=4, channels=5, tables=3))


def simulate(bench):
    """Run ``bench(ctx, ask)``: ``await ask(address, value, strobes)`` writes; told what it did."""
    dut = Access(CORE)
    seen = []

    async def watch(ctx):
        buses = [(window.side, getattr(dut, window.side)) for window in CORE.windows]
        async for _, reset, *values in ctx.tick().sample(
            *(each for _, bus in buses for each in (bus.w_stb, bus.address, bus.w_data))
        ):
            assert not reset
            for number, (side, _) in enumerate(buses):
                stb, address, data = values[3 * number : 3 * number + 3]
                if stb:
                    seen.append((side, address, data))

    async def run(ctx):
        async def ask(address, value=None, strobes=0b1111):
            payload = {"address": address, "write": value is not None, "strobes": strobes}
            ctx.set(dut.i.payload, payload | {"data": value or 0})
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
            ctx.set(dut.i.valid, 0)
            cycles = 1
            while not ctx.get(dut.o.valid):
                await ctx.tick()
                cycles += 1
            assert cycles == 4  # as the docstring says
            answer = ctx.get(dut.o.payload.data), ctx.get(dut.o.payload.error)
            for _ in range(random.Random(address).randrange(3)):
                await ctx.tick()
                assert ctx.get(dut.o.valid)
            ctx.set(dut.o.ready, 1)
            await ctx.tick()
            ctx.set(dut.o.ready, 0)
            return answer

        await bench(ctx, ask)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_process(watch)
    simulator.add_testbench(run)
    simulator.run()
    return seen


@pytest.mark.parametrize("window", CORE.windows, ids=lambda window: window.side)
def test_a_word_of_a_memory_comes_in_parts_one_after_the_other(window):
    table = window.regs.memory("table").address

    async def bench(ctx, ask):
        at = window.byte(table)
        await ask(at, 0x0000_0011, 0b0001)
        await ask(at, 0x0000_2200, 0b0010)
        await ask(at + 4, 0x4433_0000, 0b1100)  # of another word, the rest is zeros
        await ask(at + 4, 0x6655_4433, 0b1111)
        await ask(at, 0x7700_0000, 0b1000)
        await ask(at, 0x0000_0000, 0b0000)

    assert simulate(bench) == [
        (window.side, address, data)
        for address, data in (
            (table, 0x11),
            (table, 0x2211),
            (table + 1, 0x44330000),
            (table + 1, 0x66554433),
            (table, 0x77000000),
            (table, 0x77000000),
        )
    ]


@pytest.mark.parametrize("window", CORE.windows, ids=lambda window: window.side)
def test_what_is_in_no_memory_is_an_error(window):
    answers = []

    async def bench(ctx, ask):
        for memory in window.regs.memories:
            for word in range(1 << memory.address_width):
                at = window.byte(memory.address + word)
                answers.append((word < memory.depth, (await ask(at, 1))[1]))
                assert (await ask(at))[1] == 1

    seen = simulate(bench)
    assert all(inside != error for inside, error in answers)
    assert len(seen) == sum(memory.depth for memory in window.regs.memories)
    assert {side for side, *_ in seen} == {window.side}


def test_of_a_register_that_acts_the_bytes_left_out_are_zeros():
    window = CORE.windows[0]
    errors = window.regs.register("errors").address

    async def bench(ctx, ask):
        await ask(window.byte(errors), 0xFFFF_FFFF, 0b0110)

    assert simulate(bench) == [("encoder", errors, 0x00FF_FF00)]
