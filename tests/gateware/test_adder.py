import numpy as np
import pytest
from amaranth.sim import Simulator

from tilefold_gateware.adder import EitherAdder, Subtractor

ADDERS = {
    EitherAdder: ("c", "first", lambda a, b, c, first: a + (b if first else c)),
    Subtractor: (None, "subtract", lambda a, b, c, subtract: a - b if subtract else a + b),
}


@pytest.mark.parametrize("kind", ADDERS)
@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_sum_is_right_and_wraps_around(kind, width):
    async def bench(ctx):
        for a, b, c, flag in operands.tolist():
            ctx.set(box.a, a)
            ctx.set(box.b, b)
            ctx.set(getattr(box, flag_name), flag)
            if other:
                ctx.set(getattr(box, other), c)
            assert (ctx.get(box.o) - function(a, b, c, flag)) % (1 << width) == 0

    other, flag_name, function = ADDERS[kind]
    end = 1 << width - 1
    operands = np.random.default_rng(0).integers(-end, end, (500, 4))
    operands[:, 3] %= 2
    box = kind(width)
    simulator = Simulator(box)
    simulator.add_testbench(bench)
    simulator.run()
