import numpy as np
import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.sim import Simulator

from tilefold_gateware.shift import shift_cycles, shift_left, shift_right


def shifted(shift, shape, places, width, *, dense=False):
    """Shift random values by every amount, one a cycle; return values, amounts and results."""

    async def bench(ctx):
        for cycle in range(len(values) + late):
            if cycle < len(values):
                ctx.set(i, int(values[cycle]))
                ctx.set(amount, int(amounts[cycle]))
            if cycle >= late:
                results.append(ctx.get(o))
            await ctx.tick()

    i, amount = Signal(shape), Signal(places)
    m = Module()
    value = shift(m, i, amount, width, dense=dense)
    o = Signal(value.shape())
    m.d.comb += o.eq(value)
    late = shift_cycles(places, dense=dense)
    rng = np.random.default_rng(0)
    amounts = np.repeat(np.arange(1 << places), 8)
    low = -(1 << len(i) - 1) if shape.signed else 0
    values = rng.integers(low, low + (1 << len(i)), len(amounts))
    results = []
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return values, amounts, results


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("places", range(1, 7))
def test_left(places, dense):
    for width in (11, 30):
        values, amounts, results = shifted(
            shift_left, Signal(9).shape(), places, width, dense=dense
        )
        expected = [(int(v) << int(s)) % (1 << width) for v, s in zip(values, amounts, strict=True)]
        assert results == expected


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("places", range(1, 7))
def test_right(places, dense):
    values, amounts, results = shifted(shift_right, Signal(40).shape(), places, 7, dense=dense)
    np.testing.assert_array_equal(results, (values >> amounts) % 128)


@pytest.mark.parametrize("places", [1, 4, 5])
def test_right_keeps_the_sign(places):
    values, amounts, results = shifted(shift_right, signed(12), places, 12)
    np.testing.assert_array_equal(results, values >> amounts)


def test_cycles():
    assert [shift_cycles(places) for places in range(1, 8)] == [1, 1, 2, 2, 3, 3, 4]
    assert [shift_cycles(places, dense=True) for places in range(1, 8)] == [1, 1, 1, 2, 2, 3, 3]
