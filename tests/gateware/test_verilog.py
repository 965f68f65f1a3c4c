# amaranth: UnusedElaboratable=no

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from amaranth.hdl import Instance, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilefold_gateware.encoder import Encoder
from tilefold_gateware.verilog import to_verilog, write_verilog
from tilefold_hw.config import preset
from tilefold_sim.runner import search_path
from tilefold_sim.simulation import ports_of

SMALL = replace(preset("tiny"), tile=4, channels=4, tables=2)


@pytest.fixture(scope="module")
def text():
    return to_verilog(Encoder(SMALL), "encoder")


def test_it_is_one_module_with_the_ports_of_the_signature(text):
    (module,) = re.findall(r"^module (\w+)\((.*?)\);", text, re.M | re.S)
    assert module[0] == "encoder"
    assert set(module[1].split(", ")) == set(ports_of(Encoder(SMALL)))
    found = re.findall(r"^  (input|output)(?: \[.*?\])? (\w+);", text, re.M)
    directions = {name: way for way, name in found}
    assert directions["clk"] == directions["rst"] == directions["i__valid"] == "input"
    assert directions["o__payload"] == directions["i__ready"] == "output"


def test_it_names_no_file_and_no_step_of_yosys(text):
    assert "(*" not in text
    assert ".py" not in text
    assert "$auto" not in text
    assert "$flatten" not in text


def test_simulators_find_no_loop_in_it(text, tmp_path):
    folder = search_path("verilator")
    program = shutil.which("verilator", path=folder) if folder else None
    if not program:
        pytest.skip("verilator is not installed")
    source = tmp_path / "encoder.v"
    source.write_text(text)
    done = subprocess.run(
        [program, "--lint-only", "-Wno-fatal", "-Wall", source],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": f"{folder}:/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    assert "PROCASSINIT" in done.stderr  # it did look
    assert "UNOPTFLAT" not in done.stderr
    assert "LATCH" not in done.stderr


def test_an_asic_gets_no_initial_values(text):
    assert re.search(r"^  reg .* = ", text, re.M)
    assert not re.search(r"^  reg .* = ", to_verilog(Encoder(SMALL), "encoder", asic=True), re.M)


def test_it_is_written_where_it_is_told(tmp_path):
    path = write_verilog(Encoder(SMALL), "squeeze", tmp_path / "some" / "where.v")
    assert path == Path(tmp_path, "some", "where.v")
    assert "module squeeze(" in path.read_text()


def test_rejects_a_name_that_is_no_identifier():
    with pytest.raises(ValueError, match=r"^name must be a Verilog identifier, not '8x8'$"):
        to_verilog(Encoder(SMALL), "8x8")


class Inverter(wiring.Component):
    i: In(1)
    o: Out(1)

    def elaborate(self, platform):
        m = Module()
        if platform is None:
            m.d.comb += self.o.eq(~self.i)
        else:
            m.submodules += Instance("INV", i_A=self.i, o_Z=self.o)
        return m


def test_a_platform_decides_on_primitives(tmp_path):
    assert "INV" not in to_verilog(Inverter(), "inverter")
    path = write_verilog(Inverter(), "inverter", tmp_path / "it.v", platform=object())
    assert "INV" in path.read_text()
