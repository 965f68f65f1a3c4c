"""The multipliers of ECP5 and Gowin equal the plain one: proved for all operands, in every cycle.

In a reset the plain one holds its product, which keeps Yosys from a mistake, and the primitives go
on: the proof is of cycles without.

No solver multiplies 18 bits by 18. So the multiplication itself is cut out of both: its factors
become outputs of the circuit, and its product an input, which may be anything. What is proved is
all that is around it: equal factors in every cycle, and equal results if equal factors have equal
products. That an operand of more than 18 bits is cut in two rightly is not in it, because both
forms do so; ``test_multiplier.py`` tries that.
"""

# amaranth: UnusedElaboratable=no

import re

import pytest
from helpers.proof import ECP5, GOWIN, PROVED, REFUSED, REFUTED, forms, run

from tilefold_gateware.multiplier import Multiplier

CUT = """
    proc
    techmap -map product.v
    read_verilog product.v
    select -assert-none t:$mul
    rename -enumerate -pattern product_% t:product
    expose -evert t:product
"""
SCRIPT = f"""
    read_rtlil gold.il
    {CUT}
    design -stash gold
    read_verilog mult18x18d.v mult18x18.v
    read_rtlil gate.il
    hierarchy -check -top gate
    flatten
    {CUT}
    design -stash gate
    design -copy-from gold -as gold gold
    design -copy-from gate -as gate gate
    miter -equiv -flatten -make_outputs gold gate both
    sat -verify -tempinduct -set in_rst 0 -prove trigger 0 -maxsteps 8 both
"""


@pytest.mark.parametrize("platform", [ECP5, GOWIN], ids=["ecp5", "gowin"])
@pytest.mark.parametrize(
    ("a", "b"), [(18, 18), (9, 15), (1, 1), (18, 2), (19, 18), (22, 17), (35, 18)]
)
def test_the_primitive_equals_the_product(a, b, platform, tmp_path):
    assert PROVED in run(SCRIPT, tmp_path, *forms(Multiplier(a, b), platform))


WRONG = [
    *(
        (f'\\REG_{place}_CLK "CLK0"', f'\\REG_{place}_CLK "NONE"')
        for place in ("INPUTA", "INPUTB", "PIPELINE", "OUTPUT")
    ),
    ("\\SIGNEDA 1'1", "\\SIGNEDA 1'0"),
    ("\\SIGNEDB 1'1", "\\SIGNEDB 1'0"),
    ("\\SOURCEA 1'0", "\\SOURCEA 1'1"),
    ("\\CE0 1'1", "\\CE0 1'0"),
    ("\\RST0 1'0", "\\RST0 1'1"),
    ("\\A17 \\a [8]", "\\A17 1'0"),
    # The wires at P4 and P3, where the product is put together.
    ("$5 [0] $4 [0] $3 [0]", "$5 [0] $5 [0] $3 [0]"),
]


@pytest.mark.parametrize(("right", "wrong"), WRONG)
def test_a_primitive_that_is_used_otherwise_differs(right, wrong, tmp_path):
    gold, gate = forms(Multiplier(9, 15))
    assert right in gate
    assert REFUTED in run(SCRIPT, tmp_path, gold, gate.replace(right, wrong))


@pytest.mark.parametrize(
    "wrong", ["AREG 1'0", "BREG 1'0", "PIPE_REG 1'0", "OUT_REG 1'0", "ASIGN 1'0", "ASEL 1'1"]
)
def test_a_primitive_of_gowin_that_is_used_otherwise_differs(wrong, tmp_path):
    gold, gate = forms(Multiplier(9, 15), GOWIN)
    right = wrong[:-1] + str(1 - int(wrong[-1]))
    assert f"\\{right}" in gate
    assert REFUTED in run(SCRIPT, tmp_path, gold, gate.replace(f"\\{right}", f"\\{wrong}"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('\\REG_PIPELINE_CLK "CLK1"', REFUSED),
        ('\\MULT_BYPASS "ENABLED"', "does not have a parameter named 'MULT_BYPASS'"),
    ],
)
def test_what_is_not_described_is_refused(wrong, said, tmp_path):
    gold, gate = forms(Multiplier(9, 15))
    gate = gate.replace('\\REG_PIPELINE_CLK "CLK0"', wrong)
    assert said in run(SCRIPT, tmp_path, gold, gate)


def test_on_ice40_synthesis_moves_all_registers_into_the_multiplier(tmp_path):
    script = "read_rtlil gold.il; synth_ice40 -dsp -top gold; write_rtlil synthesised.il"
    said = run(script.replace("; ", "\n"), tmp_path, *forms(Multiplier(16, 14)))
    # Of a product that has two drivers, Yosys makes a constant.
    assert "Driver-driver conflict" not in said
    netlist = (tmp_path / "synthesised.il").read_text()
    netlist = netlist[netlist.index("attribute \\top 1") :]
    assert re.findall(r"cell \\(SB_\w+)", netlist) == ["SB_MAC16"]
    for register in ("A_REG", "B_REG", "PIPELINE_16x16_MULT_REG1"):
        assert f"\\{register} 1'1" in netlist
    assert "\\TOPOUTPUT_SELECT 2'01" in netlist
