"""Primitives are the functions that they stand for, by Yosys's models of the cells."""

from types import SimpleNamespace

import pytest

from tilefold_boards.tools import find
from tilefold_gateware.adder import EitherAdder, Subtractor
from tilefold_gateware.yosys import to_rtlil

ECP5 = SimpleNamespace(device="LFE5U-85F")


@pytest.mark.parametrize("kind", [EitherAdder, Subtractor])
@pytest.mark.parametrize("width", [1, 8])
def test_carries_on_ecp5_add_what_is_added_elsewhere(kind, width, tmp_path):
    (tmp_path / "plain.il").write_text(to_rtlil(kind(width), "plain"), encoding="utf-8")
    carries = to_rtlil(kind(width), "carries", ECP5)
    assert "CCU2C" in carries
    (tmp_path / "carries.il").write_text(carries, encoding="utf-8")
    commands = (
        "read_rtlil carries.il",
        "read_verilog -nooverwrite +/lattice/cells_sim_ecp5.v",
        "hierarchy -top carries",
        "proc",
        "flatten -wb",
        "read_rtlil plain.il",
        "setattr -mod -unset top plain carries",
        "proc",
        "miter -equiv -flatten plain carries miter",
        "sat -verify -prove trigger 0 miter",
    )
    find("yosys").run(["-p", "; ".join(commands)], tmp_path, "yosys.log")
