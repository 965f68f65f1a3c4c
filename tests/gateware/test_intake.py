import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from helpers.bench import STALLS, Bench

from tilefold_gateware.intake import Intake
from tilefold_gateware.streams import framed
from tilefold_hw.link import COUNTED

SIZE = 16


class Filled(wiring.Component):
    """An intake that is filled whenever it has room."""

    def __init__(self):
        super().__init__(
            {
                "i": In(stream.Signature(framed(8))),
                "o": Out(stream.Signature(framed(8))),
                "limit": Out(16),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.intake = intake = Intake(SIZE)
        connect(m, intake.o, flipped(self.o))
        # What was put in reaches the room late.
        free = intake.port.room >= 4
        m.d.comb += [
            self.i.ready.eq(free),
            intake.port.push.eq(self.i.valid & free),
            intake.port.payload.eq(self.i.payload),
            self.limit.eq(intake.port.limit),
        ]
        return m


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
def test_bytes_come_in_order_with_their_framing(stall):
    items = {"data": np.arange(150) % 256, "last": np.arange(150) % 7 == 6}
    run = Bench(Filled()).run(items, stall=stall)
    np.testing.assert_array_equal(run.data, items["data"])
    np.testing.assert_array_equal(run["last"], items["last"])


def test_a_byte_a_cycle():
    run = Bench(Filled()).run(range(100))
    np.testing.assert_array_equal(np.diff(run.sent), 1)
    np.testing.assert_array_equal(np.diff(run.received), 1)


def test_tells_how_many_may_have_been_put_in():
    async def watch(ctx, run):
        before = None
        while len(run.received) < 200:
            inside = len(run.sent) - (ctx.get(dut.limit) - SIZE) % COUNTED
            assert before is None or inside <= SIZE
            before = inside
            await ctx.tick()
        limits.append(ctx.get(dut.limit))

    limits = []
    bench = Bench(Filled())
    dut = bench.dut
    bench.run(np.arange(200) % 256, stall=STALLS["both"], beside=watch)
    assert limits == [200 + SIZE]
