import numpy as np
import pytest
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, flipped
from helpers.bench import STALLS, Bench

from tilefold_gateware.outlet import Basin, Outlet
from tilefold_gateware.pipeline import delay
from tilefold_hw import latency


class Pipe(wiring.Component):
    """Delay line of *depth* cycles with a queue at its end."""

    def __init__(self, depth, queue):
        self.depth = depth
        self.queue = queue
        super().__init__({"i": In(stream.Signature(16)), "o": Out(stream.Signature(16))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = self.queue(16, self.depth)
        enter = self.i.valid & queue.ready
        m.d.comb += [
            self.i.ready.eq(queue.ready),
            queue.push.eq(delay(m, enter, self.depth)),
            queue.payload.eq(delay(m, self.i.payload, self.depth)),
        ]
        if self.queue is Outlet:
            m.d.comb += queue.take.eq(enter)
        wiring.connect(m, queue.o, flipped(self.o))
        return m


class Burster(wiring.Component):
    """Item *n* comes out *n* times in a row: some are lost, some are more than came."""

    def __init__(self, most):
        self.most = most
        super().__init__({"i": In(stream.Signature(16)), "o": Out(stream.Signature(16))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.basin = basin = Basin(16, flight=self.most)
        left, number = Signal(8), Signal(16)
        idle = left <= 1
        m.d.comb += self.i.ready.eq(basin.ready & idle)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [left.eq(self.i.payload), number.eq(self.i.payload)]
        with m.Else():
            m.d.sync += left.eq(Mux(left == 0, 0, left - 1))
        m.d.comb += [basin.push.eq(left != 0), basin.payload.eq(number)]
        wiring.connect(m, basin.o, flipped(self.o))
        return m


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("depth", [1, 2, 9])
@pytest.mark.parametrize("queue", [Outlet, Basin])
def test_everything_comes_through_in_order_and_nothing_overflows(queue, depth, stall):
    items = np.arange(100)
    run = Bench(Pipe(depth, queue)).run(items, stall=stall)
    np.testing.assert_array_equal(run.data, items)


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("most", [1, 5])
def test_a_basin_holds_what_a_pipeline_makes_of_few_items(most, stall):
    items = np.random.default_rng(0).integers(0, most + 1, 60)
    expected = np.repeat(items, items)
    run = Bench(Burster(most)).run(items, len(expected), stall=stall)
    np.testing.assert_array_equal(run.data, expected)


@pytest.mark.parametrize("queue", [Outlet, Basin])
def test_latency_is_two_more_than_the_pipeline_has(queue):
    for depth in (1, 2, 9):
        run = Bench(Pipe(depth, queue)).run(range(30))
        assert run.latency == depth + latency.OUTLET
        np.testing.assert_array_equal(np.diff(run.sent), 1)
        np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize("queue", [Outlet, Basin])
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("cycles", [1, 2, 3, 7, 12, 13, 14, 40])
def test_a_stall_costs_its_own_cycles_and_no_more(queue, side, cycles):
    bench = Bench(Pipe(9, queue))
    flowing = bench.run(range(100))
    stall = [0, 0]
    stall[side] = lambda cycle: 50 <= cycle < 50 + cycles
    stalled = bench.run(range(100), stall=tuple(stall))
    np.testing.assert_array_equal(stalled.data, flowing.data)
    assert stalled.received[-1] - flowing.received[-1] <= cycles


@pytest.mark.parametrize(("depth", "places"), [(1, 7), (4, 7), (5, 15), (12, 15), (13, 31)])
def test_an_outlet_takes_no_more_than_it_has_places_for(depth, places):
    # One more than the queue holds: the one that is offered.
    run = Bench(Pipe(depth, Outlet)).run(range(60), stall=(0, lambda cycle: cycle < 80))
    assert sum(cycle < 80 for cycle in run.sent) == places + 1
