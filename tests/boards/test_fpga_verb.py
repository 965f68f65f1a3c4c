import json
import re

import pytest
from click.testing import CliRunner

from tilefold.cli import main

THEIRS = """
`include "width.vh"
module theirs(input ck, input [`WIDTH-1:0] a, b, output reg [`WIDTH-1:0] q);
  always @(posedge ck) q <= a & b;
endmodule
"""


@pytest.fixture
def theirs(tmp_path):
    (tmp_path / "width.vh").write_text("`define WIDTH 4\n")
    path = tmp_path / "theirs.v"
    path.write_text(THEIRS)
    return path


@pytest.fixture
def called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def called(*arguments):
        return CliRunner().invoke(main, ["fpga", *map(str, arguments)])

    return called


def test_a_block_is_measured(called, tmp_path):
    done = called(
        "tiny", "--block", "dequantise", "--part", "ecp5-12f", "--seeds", 2, "--json", "x"
    )
    assert done.exit_code == 0, done.output
    assert "dequantise" in done.stdout
    assert "median of 2 seeds" in done.stdout
    told = json.loads((tmp_path / "x").read_text())
    assert told["format"] == 1
    assert set(told["tools"]) == {"yosys", "nextpnr-ecp5"}
    (result,) = told["results"]
    assert set(result["fmax_mhz"]["seeds"]) == {"1", "2"}
    assert result["config"]["channels"] == 8
    assert result["luts"] > 0
    assert result["critical_path"]["words"] in done.stdout


def test_anybody_s_verilog_is_measured(called, theirs):
    about = ("--top", "theirs", "--clock", "ck", "--per-clock", 4, "--latency", 1)
    done = called("--verilog", theirs, *about, "--part", "ecp5-12f", "--seeds", 1)
    assert done.exit_code == 0, done.output
    (row,) = re.findall(r"^ *theirs .*$", done.stdout, re.M)
    assert row.split()[2] == "4"  # flip-flops
    assert "input " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tiny", "--block", "fft"), r"block must be one of dct, .*, not 'fft'"),
        (("tiny", "--part", "xc7"), r"part must be one of ecp5-85f, .*, not 'xc7'"),
        (("huge",), r"configuration must be a TOML file or one of pocket, .*, not 'huge'"),
        (("tiny", "--block", "project"), r"project_macs must be 1 to 64 .*, not 0"),
        (("--verilog", "no.v", "--top", "t"), r"no.v must be a file of Verilog, but there is none"),
        (("--verilog", "theirs.v", "--top", "8"), r"top must be a Verilog identifier, not '8'"),
    ],
)
def test_a_mistake_is_told_before_anything_runs(called, theirs, arguments, message):
    done = called(*arguments)
    assert done.exit_code == 1
    assert re.fullmatch(rf"tilefold: error: {message}\n", done.stderr)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "a configuration is needed, or --verilog"),
        (("--verilog", "theirs.v"), "--verilog needs --top"),
        (
            ("tiny", "--verilog", "theirs.v", "--top", "theirs"),
            "--verilog goes without a configuration and without --block",
        ),
        (("tiny", "--top", "theirs"), "--top needs --verilog"),
    ],
)
def test_what_does_not_go_together_is_told(called, theirs, arguments, message):
    done = called(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr


def test_verilog_that_can_t_be_read_is_told(called, tmp_path):
    (tmp_path / "bad.v").write_text("module bad(input clk);\n  assign = ;\nendmodule\n")
    done = called("--verilog", "bad.v", "--top", "bad", "--json", "x")
    assert done.exit_code == 1
    assert re.search(
        r"^tilefold: error: yosys failed: .*bad\.v:2: syntax error.*$", done.stderr, re.M
    )
    assert not (tmp_path / "x").exists()
    # The log that it names is there.
    (log,) = re.findall(r"\((build/fpga/.*/synthesis\.log)\)", done.stderr)
    assert "syntax error" in (tmp_path / log).read_text()


def test_a_module_that_is_not_there_is_told(called, theirs):
    done = called("--verilog", theirs, "--top", "ours")
    assert done.exit_code == 1
    assert re.search(
        r"^tilefold: error: yosys failed: Module `\\?ours' not found", done.stderr, re.M
    )


def test_a_clock_that_is_not_there_is_told(called, theirs):
    done = called("--verilog", theirs, "--top", "theirs")
    assert done.exit_code == 1
    message = "clock must be an input of the circuit, not 'clk'; its inputs are ck, a, b"
    assert f"tilefold: error: {message}\n" in done.stderr
