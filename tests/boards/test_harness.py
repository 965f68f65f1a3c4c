"""The harness, on circuits whose cells are known beforehand, placed and routed for real."""

import json

import pytest

from tilefold_boards.harness import INPUT, OUTPUT, wrap
from tilefold_boards.measure import measure
from tilefold_boards.measurement import Case
from tilefold_boards.parts import part
from tilefold_boards.synthesis import Verilog, synthesise
from tilefold_boards.tools import FlowError

# 16 look-up tables that can't be fewer, half of them before a flip-flop; a constant, and a wire.
KNOWN = """
module known(
  input clk, input [7:0] a, b, c, d,
  output [7:0] y, output reg [7:0] q, output zero, output wire_
);
  assign y = a ^ b ^ c ^ d;
  assign zero = 0;
  assign wire_ = a[0];
  always @(posedge clk) q <= (a & b) ^ (c | d);
endmodule
"""
INPUTS, OUTPUTS = 32, 17


@pytest.fixture
def known(tmp_path):
    path = tmp_path / "known.v"
    path.write_text(KNOWN)
    return Verilog((path,), "known")


@pytest.mark.parametrize("name", ["ecp5-12f", "ice40-up5k"])
def test_it_adds_nothing_that_is_counted(name, known, tmp_path):
    (measured,) = measure([Case("known", known)], part(name), tmp_path / "build", seeds=[1])
    # nextpnr has a table of its own for a constant, in every circuit.
    assert measured.luts == 16 + 1
    assert measured.flip_flops == 8
    assert (measured.dsps, measured.brams) == (0, 0)
    assert measured.counts.harness_flip_flops == INPUTS + OUTPUTS
    if name == "ecp5-12f":
        # None was dropped, though nobody reads the last ones.
        assert measured.typical.cells["TRELLIS_FF"] == 8 + INPUTS + OUTPUTS
    assert measured.typical.path.start.startswith("input ")


@pytest.mark.slow
def test_gowin_counts_no_table_that_only_leads_to_a_flip_flop(known, tmp_path):
    (measured,) = measure([Case("known", known)], part("gw1nr-9c"), tmp_path / "build", seeds=[1])
    assert measured.luts == 16
    assert measured.flip_flops == 8
    assert measured.typical.path.levels == 1


@pytest.fixture
def wrapped(known, tmp_path):
    module = synthesise(known, part("ecp5-85f"), tmp_path)
    harnessed = wrap(module, part("ecp5-85f"))
    return module, json.loads(harnessed.text)["modules"]["harness"]


def test_the_circuit_inside_is_as_it_was(wrapped):
    module, harness = wrapped
    added = {name: cell for name, cell in harness["cells"].items() if name not in module["cells"]}
    assert {cell["type"] for cell in added.values()} == {"TRELLIS_FF"}
    assert len(added) == INPUTS + OUTPUTS
    for name, cell in module["cells"].items():
        assert harness["cells"][name] == cell


def test_there_are_three_pins(wrapped):
    _, harness = wrapped
    pins = {name: pin["direction"] for name, pin in harness["ports"].items()}
    assert pins == {"clk": "input", "scan_in": "input", "scan_out": "output"}


def test_one_chain_drives_all_inputs(wrapped):
    module, harness = wrapped
    follows = {
        cell["connections"]["DI"][0]: cell["connections"]["Q"][0]
        for name, cell in harness["cells"].items()
        if name.startswith(INPUT)
    }
    net = harness["ports"]["scan_in"]["bits"][0]
    seen = []
    while net in follows:
        net = follows[net]
        seen.append(net)
    assert net == harness["ports"]["scan_out"]["bits"][0]
    assert seen == [net for name in "abcd" for net in module["ports"][name]["bits"]]


def test_every_output_but_a_constant_has_a_flip_flop_that_is_kept(wrapped):
    _, harness = wrapped
    kept = {
        name.removeprefix(OUTPUT): cell["attributes"]
        for name, cell in harness["cells"].items()
        if name.startswith(OUTPUT)
    }
    assert set(kept) == {f"{name}[{n}]" for name in "yq" for n in range(8)} | {"wire_"}
    assert all(int(each["keep"], 2) == 1 for each in kept.values())


def port(direction, *bits):
    return {"direction": direction, "bits": list(bits)}


def test_rejects_a_clock_that_is_no_input():
    module = {"ports": {"CK": port("input", 2), "o": port("output", 3)}, "cells": {}}
    message = r"^clock must be an input of the circuit, not 'clk'; its inputs are CK$"
    with pytest.raises(FlowError, match=message):
        wrap(module, part("ecp5-85f"))


def test_rejects_an_inout():
    module = {"ports": {"clk": port("input", 2), "sda": port("inout", 3)}, "cells": {}}
    message = r"^port 'sda' must be an input or an output, not an inout$"
    with pytest.raises(FlowError, match=message):
        wrap(module, part("ecp5-85f"))
