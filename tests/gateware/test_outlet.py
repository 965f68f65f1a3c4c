# amaranth: UnusedElaboratable=no

import numpy as np
import pytest
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, flipped
from helpers.bench import STALLS, Bench

from tilefold_gateware.outlet import Basin, Outlet, Sluice
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


class Bursts(wiring.Component):
    """Pipeline of *depth* cycles that item *n* enters *n* times in a row, at the end a queue."""

    def __init__(self, depth, most):
        self.depth = depth
        self.most = most
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.sluice = sluice = Sluice(8, self.depth, self.most)
        left, number = Signal(8), Signal(8)
        m.d.comb += [
            self.i.ready.eq(sluice.ready & (left <= 1)),
            sluice.take.eq(left != 0),
            sluice.push.eq(delay(m, sluice.take, self.depth)),
            sluice.payload.eq(delay(m, number, self.depth)),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [left.eq(self.i.payload), number.eq(self.i.payload)]
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        wiring.connect(m, sluice.o, flipped(self.o))
        return m


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize(("depth", "most"), [(1, 1), (9, 5), (19, 64)])
def test_a_sluice_lets_bursts_in(depth, most, stall):
    items = np.random.default_rng(0).integers(1, most + 1, 60)
    expected = np.repeat(items, items)
    run = Bench(Bursts(depth, most)).run(items, len(expected), stall=stall)
    np.testing.assert_array_equal(run.data, expected)


@pytest.mark.parametrize(("depth", "most"), [(1, 1), (9, 5), (19, 64)])
def test_a_sluice_that_flows_has_no_bubbles_and_its_latency(depth, most):
    run = Bench(Bursts(depth, most)).run([most] * 20, most * 20)
    assert run.latency == 1 + depth + latency.SLUICE
    np.testing.assert_array_equal(np.diff(run.sent), most)
    np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize("cycles", [1, 2, 3, 7, 16, 17, 18, 19, 20, 21, 60])
@pytest.mark.parametrize("most", [1, 4, 16])
def test_a_stall_costs_a_sluice_its_own_cycles_and_no_more(most, cycles):
    bench = Bench(Bursts(9, most))
    items = [most] * (160 // most)
    flowing = bench.run(items, most * len(items))
    stall = (0, lambda cycle: 50 <= cycle < 50 + cycles)
    stalled = bench.run(items, most * len(items), stall=stall)
    assert stalled.received[-1] - flowing.received[-1] <= cycles


@pytest.mark.parametrize(("depth", "most"), [(1, 1), (9, 5), (19, 64)])
def test_a_sluice_takes_no_more_than_it_has_places_for(depth, most):
    bench = Bench(Bursts(depth, most))
    run = bench.run([most] * 120, most * 120, stall=(0, lambda cycle: cycle < 300))
    inside = most * sum(cycle < 300 for cycle in run.sent)
    places = Sluice(8, depth, most).places
    assert places - most - 1 < inside <= places


def test_a_sluice_rejects_more_than_its_memory_holds():
    with pytest.raises(ValueError, match=r"^burst and latency must be at most 122, not 123$"):
        Sluice(8, 59, 64)
