# amaranth: UnusedElaboratable=no
from types import SimpleNamespace

import numpy as np
import pytest
from amaranth.sim import Simulator

from tilefold_gateware import yosys
from tilefold_gateware.multiplier import Multiplier
from tilefold_hw import latency

ECP5 = SimpleNamespace(device="LFE5U-85F")
WIDTHS = [(18, 18), (9, 15), (1, 1), (18, 2), (19, 18), (22, 17), (35, 18)]


@pytest.mark.parametrize(("a", "b"), WIDTHS)
def test_a_product_comes_so_many_cycles_later(a, b):
    async def bench(ctx):
        seen = []
        for x, y in [*operands, *[(0, 0)] * box.latency]:
            ctx.set(box.a, x)
            ctx.set(box.b, y)
            seen.append(ctx.get(box.o))
            await ctx.tick()
        assert seen[box.latency :] == [x * y for x, y in operands]

    rng = np.random.default_rng(0)
    ends = [(-(1 << n - 1), (1 << n - 1) - 1) for n in (a, b)]
    operands = [(x, y) for x in ends[0] for y in ends[1]]
    operands += [tuple(int(rng.integers(low, high + 1)) for low, high in ends) for _ in range(100)]
    box = Multiplier(a, b)
    assert box.latency == latency.multiply(a)
    simulator = Simulator(box)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_on_ecp5_it_is_the_primitive_with_all_of_its_registers():
    netlist = yosys.to_rtlil(Multiplier(18, 18), "multiplier", ECP5)
    assert netlist.count("cell \\MULT18X18D") == 1
    for place in ("INPUTA", "INPUTB", "PIPELINE", "OUTPUT"):
        assert f'parameter \\REG_{place}_CLK "CLK0"' in netlist
    assert "$mul" not in netlist
    assert yosys.to_rtlil(Multiplier(19, 18), "multiplier", ECP5).count("cell \\MULT18X18D") == 2
    assert "MULT18X18D" not in yosys.to_rtlil(Multiplier(18, 18), "multiplier")


@pytest.mark.parametrize(("a", "b"), [(36, 18), (18, 19), (0, 4)])
def test_rejects_operands_that_are_too_wide(a, b):
    message = f"^operands must have 1 to 35 and 1 to 18 bits, not {a} and {b}$"
    with pytest.raises(ValueError, match=message):
        Multiplier(a, b)
