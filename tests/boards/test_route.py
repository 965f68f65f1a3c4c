import copy

import pytest

from tilefold_boards.measure import measure
from tilefold_boards.measurement import Case
from tilefold_boards.parts import part
from tilefold_boards.route import PACK, read
from tilefold_boards.synthesis import Verilog
from tilefold_boards.tools import FlowError

REPORT = {
    "fmax": {"$glbnet$clk$TRELLIS_IO_IN": {"achieved": 231.5, "constraint": 200.0}},
    "utilization": {"TRELLIS_COMB": {"used": 7, "available": 83640}, "GSR": {"used": 0}},
    "critical_paths": [],
}


def doctored(**changes):
    report = copy.deepcopy(REPORT)
    report["fmax"]["$glbnet$clk$TRELLIS_IO_IN"] |= changes
    return report


def test_what_a_report_says():
    routed = read(REPORT, 3, 200, ("clk",))
    assert (routed.seed, routed.fmax_mhz, routed.cells) == (3, 231.5, {"TRELLIS_COMB": 7})
    assert routed.path is None


def test_of_several_clocks_the_slowest_counts():
    report = copy.deepcopy(REPORT)
    report["fmax"]["half"] = {"achieved": 120.0, "constraint": 200.0}
    assert read(report, 1, 200, ("clk", "half")).fmax_mhz == 120


def test_a_clock_that_was_checked_at_another_frequency_is_refused():
    message = r"^clock '\$glbnet\$clk\$TRELLIS_IO_IN' must be checked at 200 MHz, not at 12 MHz$"
    with pytest.raises(FlowError, match=message):
        read(doctored(constraint=12.0), 1, 200, ("clk",))


def test_whole_picoseconds_are_near_enough():
    assert read(doctored(constraint=23.9997), 1, 24, ("clk",)).fmax_mhz == 231.5


def test_a_clock_that_was_not_checked_is_refused():
    message = r"^clock 'fast' must be in the timing report, which has \$glbnet\$clk\$TRELLIS_IO_IN$"
    with pytest.raises(FlowError, match=message):
        read(REPORT, 1, 200, ("clk", "fast"))
    message = r"^clock 'clk' must be in the timing report, which has none$"
    with pytest.raises(FlowError, match=message):
        read(REPORT | {"fmax": {}}, 1, 200, ("clk",))


def test_packing_alone_counts_and_has_no_clock(tmp_path):
    (tmp_path / "it.v").write_text(
        "module it(input clk, a, output reg q);\n  always @(posedge clk) q <= a;\nendmodule\n"
    )
    source = Verilog((tmp_path / "it.v",), "it")
    case = Case("it", source)
    (it,) = measure([case], part("ecp5-12f"), tmp_path / "build", seeds=[PACK])
    assert (it.flip_flops, it.typical.cells["TRELLIS_FF"], it.fmax_mhz) == (1, 3, 0)


def test_what_does_not_fit_is_told(tmp_path):
    (tmp_path / "large.v").write_text(
        "module large(input clk, input [143:0] a, b, output reg [287:0] q);\n"
        "  genvar n;\n"
        "  for (n = 0; n < 9; n = n + 1)\n"
        "    always @(posedge clk) q[n * 32+:32] <= a[n * 16+:16] * b[n * 16+:16];\n"
        "endmodule\n"
    )
    source = Verilog((tmp_path / "large.v",), "large")
    message = r"^the circuit does not fit ice40-up5k: it needs 9 ICESTORM_DSP, and there are 8$"
    with pytest.raises(FlowError, match=message):
        measure([Case("large", source)], part("ice40-up5k"), tmp_path / "build", seeds=[1])
    # Logs are left, but nothing large.
    assert [path.name for path in (tmp_path / "build").iterdir()] == ["large"]
    left = {path.name for path in (tmp_path / "build" / "large").iterdir()}
    assert left == {"seed1.log", "synthesis.log"}
