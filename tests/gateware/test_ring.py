import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, flipped
from amaranth.sim import Simulator
from helpers.bench import STALLS, Bench

from tilefold_gateware.ring import Ring, pointer_width, step


class Queue(wiring.Component):
    """A ring between streams."""

    def __init__(self, places):
        self.places = places
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.ring = ring = Ring(8, self.places)
        m.d.comb += [
            ring.payload.eq(self.i.payload),
            ring.push.eq(self.i.valid & ~ring.full),
            self.i.ready.eq(~ring.full),
        ]
        wiring.connect(m, ring.o, flipped(self.o))
        return m


@pytest.mark.parametrize("bits", range(2, 11))
def test_a_pointer_comes_by_every_place(bits):
    async def bench(ctx):
        for _ in range(1 << bits):
            seen.append(ctx.get(pointer))
            await ctx.tick()
        assert ctx.get(pointer) == 0

    pointer = Signal(bits)
    m = Module()
    m.d.sync += pointer.eq(step(pointer))
    seen = []
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert sorted(seen) == list(range(1 << bits))


def test_pointers_are_as_wide_as_they_must_be():
    assert [pointer_width(places) for places in (1, 3, 4, 7, 8, 15, 16)] == [2, 2, 3, 3, 4, 4, 5]


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("places", [2, 15])
def test_everything_comes_through_in_order(places, stall):
    items = np.arange(120)
    run = Bench(Queue(places)).run(items, stall=stall)
    np.testing.assert_array_equal(run.data, items)


def test_latency_and_rate():
    run = Bench(Queue(3)).run(range(40))
    assert run.latency == 2
    np.testing.assert_array_equal(np.diff(run.sent), 1)
    np.testing.assert_array_equal(np.diff(run.received), 1)


def test_takes_as_many_as_it_has_places_and_one_at_the_output():
    for places in (3, 7, 15):
        run = Bench(Queue(places)).run(range(40), stall=(0, lambda cycle: cycle < 60))
        assert sum(cycle < 60 for cycle in run.sent) == places + 1
