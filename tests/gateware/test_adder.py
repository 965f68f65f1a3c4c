import inspect

import numpy as np
import pytest
from amaranth.sim import Simulator

from tilefold_gateware.adder import EitherAdder, Subtractor

ADDERS = {
    EitherAdder: lambda a, b, c, first, carry: a + (b if first else c) + carry,
    Subtractor: lambda a, b, subtract: a - b if subtract else a + b,
}


@pytest.mark.parametrize("kind", ADDERS)
@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_sum_is_right_and_wraps_around(kind, width):
    async def bench(ctx):
        for operands in rng.integers(-(1 << width - 1), 1 << width - 1, (500, 5)).tolist():
            values = {
                name: operand if name in "abc" else operand & 1
                for name, operand in zip(names, operands, strict=False)
            }
            for name, value in values.items():
                ctx.set(getattr(box, name), value)
            assert (ctx.get(box.o) - ADDERS[kind](**values)) % (1 << width) == 0

    names = inspect.signature(ADDERS[kind]).parameters
    rng = np.random.default_rng(0)
    box = kind(width)
    simulator = Simulator(box)
    simulator.add_testbench(bench)
    simulator.run()
