import numpy as np
import pytest
from amaranth.hdl import Module, Signal, signed, unsigned
from amaranth.sim import Simulator

from tilefold.model import arith as model
from tilefold_gateware.arith import clamp, round_shift, saturate, shape
from tilefold_hw.fixed import SQ, UQ


def table_of(function, values, width):
    """What a circuit makes of every one of *values*, raw integers of *width* bits."""

    async def bench(ctx):
        for value in values.tolist():
            ctx.set(x, value)
            results.append(ctx.get(y))

    m, x = Module(), Signal(signed(width))
    result = function(x)
    y = Signal(result.shape())
    m.d.comb += y.eq(result)
    results = []
    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    return np.array(results)


def test_a_shape_is_that_of_its_format():
    assert shape(SQ(3, 5)) == signed(8)
    assert shape(UQ(3, 5)) == unsigned(8)


@pytest.mark.parametrize("shift", range(8))
def test_round_shift_matches_the_model_for_every_value(shift):
    values = np.arange(-128, 128)
    expected = model.round_shift(values, shift)
    np.testing.assert_array_equal(table_of(lambda x: round_shift(x, shift), values, 8), expected)


@pytest.mark.parametrize("q", [SQ(4), SQ(1), UQ(4), UQ(1), SQ(6, 2), SQ(9), UQ(8)], ids=repr)
def test_saturate_matches_the_model_for_every_value(q):
    values = np.arange(-128, 128)
    np.testing.assert_array_equal(
        table_of(lambda x: saturate(x, q), values, 8), model.saturate(values, q)
    )


@pytest.mark.parametrize(("low", "high"), [(-128, 127), (0, 0), (-3, 90), (5, 6), (-9, -7)])
def test_clamp_keeps_every_value_in_its_range(low, high):
    values = np.arange(-128, 128)
    np.testing.assert_array_equal(
        table_of(lambda x: clamp(x, low, high), values, 8), np.clip(values, low, high)
    )
