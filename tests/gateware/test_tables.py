import numpy as np
import pytest
from amaranth.hdl import Fragment
from amaranth.sim import Simulator

from tilefold_gateware.streams import each
from tilefold_gateware.tables import Tables
from tilefold_hw.config import CodecConfig


def walk(config, channels, banks, *, tables, index, pause=0.0):
    """Fill both banks, step once for every bank in *banks*, and return what each step tells.

    That is ``(width, shift, tile_end, group_end)``: the entries of every lane, and the ends as the
    step sees them. Where layers may choose, bank 1 has tiles of 7.
    """

    async def bench(ctx):
        for port, content in ((dut.table, tables), (dut.index, index)):
            for address, value in content.items():
                ctx.set(port.address, address)
                ctx.set(port.data, value)
                ctx.set(port.stb, 1)
                await ctx.tick()
            ctx.set(port.stb, 0)
        ctx.set(dut.channels, channels)
        rng = np.random.default_rng(0)
        waiting = []
        cycle = 0
        todo = list(banks)
        while todo or waiting:
            step = bool(todo) and rng.random() >= pause
            ctx.set(dut.step, step)
            if step:
                ctx.set(dut.bank, todo.pop(0))
                waiting.append(
                    (cycle + Tables.LATENCY, ctx.get(dut.tile_end), ctx.get(dut.group_end))
                )
            else:
                ctx.set(dut.bank, int(rng.integers(2)))
            if config.sevens:
                ctx.set(dut.seven, ctx.get(dut.bank))
            if waiting and waiting[0][0] == cycle:
                _, *ends = waiting.pop(0)
                told.extend(
                    (ctx.get(entry.width), ctx.get(entry.shift), *ends)
                    for entry in each(dut.entry, config.lanes)
                )
            await ctx.tick()
            cycle += 1

    dut = Tables(config)
    told = []
    simulator = Simulator(Fragment.get(dut, None))
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return np.array(told)


def contents(config, seed=0):
    """Random tables and index of both banks: ``[bank, table, place]``, ``[bank, channel]``."""
    rng = np.random.default_rng(seed)
    widths = rng.integers(0, config.field.width + 1, (2, config.tables, config.pixels))
    shifts = rng.integers(0, config.shift_max + 1, widths.shape)
    return widths, shifts, rng.integers(0, config.tables, (2, config.channels))


def written(config, widths, shifts, index):
    """Addresses and data that fill both banks."""
    stride = 1 << (config.pixels - 1).bit_length()
    table_bank = 1 << (config.tables * stride - 1).bit_length()
    index_bank = 1 << max(1, (config.channels - 1).bit_length())
    tables = {
        bank * table_bank + table * stride + place: int(
            shifts[bank, table, place] << 5 | widths[bank, table, place]
        )
        for bank, table, place in np.ndindex(widths.shape)
    }
    indices = {
        bank * index_bank + channel: int(index[bank, channel])
        for bank, channel in np.ndindex(index.shape)
    }
    return {"tables": tables, "index": indices}


@pytest.mark.parametrize("pause", [0.0, 0.5])
@pytest.mark.parametrize(
    ("tile", "lanes", "built", "tables", "channels"),
    [
        (4, 1, 1, 1, 1),
        (4, 1, 2, 1, 2),
        (4, 1, 5, 3, 4),
        (7, 1, 3, 3, 3),
        (8, 1, 3, 2, 2),
        (8, 2, 5, 3, 3),
        (8, 4, 1, 1, 1),
        (8, 8, 5, 3, 4),
    ],
)
def test_walks_through_the_table_of_every_channel(tile, lanes, built, tables, channels, pause):
    config = CodecConfig(tile=tile, lanes=lanes, channels=built, tables=tables, word_width=128)
    widths, shifts, index = contents(config)
    # Two tile groups on bank 0, one on bank 1, one on bank 0.
    size = channels * config.pixels
    banks = np.repeat([0, 0, 1, 0], size)
    steps = banks[::lanes].tolist()
    told = walk(config, channels, steps, pause=pause, **written(config, widths, shifts, index))
    channel, place = np.divmod(np.arange(len(banks)) % size, config.pixels)
    table = index[banks, channel]
    tile_end = place // lanes == config.pixels // lanes - 1
    expected = [
        widths[banks, table, place],
        shifts[banks, table, place],
        tile_end,
        tile_end & (channel == channels - 1),
    ]
    np.testing.assert_array_equal(told, np.array(expected).T)


@pytest.mark.parametrize("pause", [0.0, 0.5])
@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_of_seven_have_a_table_of_as_many_places(channels, pause):
    config = CodecConfig(channels=3, tables=2, sevens=True)
    widths, shifts, index = contents(config)
    groups = [
        (bank, channel, place)
        for bank in (0, 1, 1, 0, 1)
        for channel in range(channels)
        for place in range(49 if bank else 64)
    ]
    bank, channel, place = np.array(groups).T
    told = walk(
        config, channels, bank.tolist(), pause=pause, **written(config, widths, shifts, index)
    )
    table = index[bank, channel]
    tile_end = place == np.where(bank, 48, 63)
    expected = [
        widths[bank, table, place],
        shifts[bank, table, place],
        tile_end,
        tile_end & (channel == channels - 1),
    ]
    np.testing.assert_array_equal(told, np.array(expected).T)
