from dataclasses import replace

import pytest

from tilefold_boards.harness import Counts
from tilefold_boards.measurement import Case, Measurement
from tilefold_boards.parts import part
from tilefold_boards.route import Routed
from tilefold_boards.synthesis import Verilog

CELLS = {"TRELLIS_COMB": 500, "TRELLIS_FF": 330, "MULT18X18D": 4, "DP16KD": 1}
SOURCE = Verilog((), "it")


def measurement(*clocks, name="ecp5-85f", cells=CELLS, **more):
    return Measurement(
        case=Case("it", SOURCE, per_clock=2, latency_cycles=18),
        part=part(name),
        freq_mhz=200.0,
        routed=tuple(Routed(n, clock, cells, None) for n, clock in enumerate(clocks, 1)),
        counts=Counts(mapped={}, flip_flops=300, harness_flip_flops=30, shared=10),
        **more,
    )


def test_the_median_counts():
    it = measurement(180.0, 210.0, 190.0)
    assert it.fmax_mhz == it.clock_mhz == 190
    assert it.typical.seed == 3
    assert it.rate == 380


def test_of_an_even_number_of_seeds_the_middle_counts():
    it = measurement(180.0, 210.0)
    assert it.fmax_mhz == 195
    assert it.typical.seed == 1


def test_a_multiplier_or_a_memory_is_claimed_at_no_more_than_it_bears():
    it = measurement(250.0)
    assert it.capped
    assert (it.fmax_mhz, it.clock_mhz, it.rate) == (250, 225, 450)
    assert it.latency_ns == pytest.approx(80)
    plain = measurement(250.0, cells={"TRELLIS_COMB": 500})
    assert not plain.capped
    assert plain.clock_mhz == 250


def test_a_cell_of_a_table_and_a_flip_flop_is_the_harness_s_if_nothing_else_is_in_it():
    it = measurement(30.0, name="ice40-up5k", cells={"ICESTORM_LC": 120, "ICESTORM_DSP": 8})
    assert (it.luts, it.dsps) == (100, 8)


def test_all_is_told_in_json():
    told = measurement(180.0, 210.0, 190.0).to_dict()
    assert told["fmax_mhz"] == {
        "median": 190.0,
        "min": 180.0,
        "max": 210.0,
        "seeds": {"1": 180.0, "2": 210.0, "3": 190.0},
    }
    expected = {
        "block": "it",
        "config": None,
        "part": "ecp5-85f",
        "device": "LFE5U-85F",
        "freq_mhz": 200.0,
        "luts": 500,
        "flip_flops": 300,
        "dsps": 4,
        "brams": 1,
        "cells": CELLS,
        "harness_flip_flops": 30,
        "clock_mhz": 190.0,
        "capped": False,
        "unit": "sample",
        "per_clock": 2,
        "rate": 380.0,
        "per_klut": 760.0,
        "per_dsp": 95.0,
        "latency_cycles": 18,
        "critical_path": None,
    }
    assert {name: told[name] for name in expected} == expected
    assert set(told) - set(expected) == {"fmax_mhz", "latency_ns"}


def test_what_nobody_told_is_not_made_up():
    it = measurement(190.0, cells={})
    it = replace(it, case=Case("it", SOURCE))
    told = it.to_dict()
    assert (told["rate"], told["per_klut"], told["per_dsp"]) == (0, None, None)
    assert (told["latency_cycles"], told["latency_ns"]) == (None, None)


def test_what_is_only_packed_has_no_clock():
    told = measurement(0.0).to_dict()
    assert (told["luts"], told["clock_mhz"], told["rate"]) == (500, 0, 0)
    assert (told["latency_cycles"], told["latency_ns"]) == (18, None)
