import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tilefold_hw.config import preset
from tilefold_sim import runner
from tilefold_sim.benches import BENCHES, SIMULATORS, bench, scenarios
from tilefold_sim.compiled import Compiled
from tilefold_sim.runner import Played, Report, installed, run

TINY = preset("tiny")

# Small enough for a simulator that is driven from Python.
SMALL = replace(TINY, tile=4, channels=4, tables=2, memory_words=16)

# All that changes what is built: formats, tiles, words, projectors.
CONFIGS = {
    "small": SMALL,
    "tiny": TINY,
    "alone": replace(TINY, channels=1, tables=1),
    "seven": replace(TINY, tile=7, sample_width=12, sample_signed=True, word_width=128),
    "sevens": replace(TINY, sevens=True, project_macs=2, expand_macs=3),
    "sixteen": replace(TINY, tile=16, channels=3, tables=2, word_width=32),
    "wide": replace(SMALL, sample_width=16, sample_signed=True, word_width=512),
    "projected": replace(SMALL, project_macs=3, expand_macs=2),
    "laned": replace(TINY, lanes=4, word_width=64),
}

# Compiling takes most of the time, and `make slow` does the rest of it.
FAST = {("small", name) for name in BENCHES} | {("projected", "codec"), ("laned", "codec")}


@cache
def compiled(name, config):
    module = bench(name)
    return module.RIG(config, Compiled(module.COMPONENT(config)))


def promises():
    for label in CONFIGS:
        for name in BENCHES:
            marks = () if (label, name) in FAST else pytest.mark.slow
            for scenario in scenarios(bench(name)):
                yield pytest.param(
                    CONFIGS[label], name, scenario, id=f"{label}-{name}-{scenario}", marks=marks
                )


@pytest.mark.parametrize(("config", "name", "scenario"), list(promises()))
def test_compiled_hardware_keeps_its_promises(config, name, scenario):
    rig = compiled(name, config)
    for seed in range(3):
        rig.reset()
        scenarios(bench(name))[scenario](rig, np.random.default_rng(seed))


@pytest.mark.parametrize("simulator", [each for each in SIMULATORS if each != "cxxrtl"])
# Verilator compiles for a minute on an idle machine, and for several on a busy one.
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", BENCHES)
def test_the_verilog_keeps_its_promises(name, simulator):
    if not installed(simulator):
        pytest.skip(f"{simulator} is not installed")
    report = run(name, SMALL, simulator)
    assert report.sound, [each for each in report.played if each.failure]
    assert [each.name for each in report.played] == list(scenarios(bench(name)))
    assert report.log.is_file()
    assert report.waves is None


@pytest.mark.parametrize("simulator", SIMULATORS[1:])
def test_a_broken_circuit_breaks_a_promise(simulator, tmp_path, monkeypatch):
    if not installed(simulator):
        pytest.skip(f"{simulator} is not installed")
    if simulator == "verilator" and installed("icarus"):
        pytest.skip("seen in Icarus, which compiles faster")
    honest = runner.to_verilog

    def saturates_late(component, name):
        text = honest(component, name)
        broken = text.replace("o__payload = ", "o__payload = 1 ^ ")
        assert broken != text
        return broken

    monkeypatch.setattr(runner, "to_verilog", saturates_late)
    report = run("encoder", SMALL, simulator, folder=tmp_path)
    assert not report.sound
    failures = {each.name: each.failure for each in report.played}
    assert "Mismatched elements" in failures["packets_equal_the_model"]
    assert not failures["its_registers_tell_what_it_is"]


def test_a_promise_that_is_broken_is_told(monkeypatch):
    def breaks(rig, rng):
        raise AssertionError("a bubble")

    monkeypatch.setattr(runner, "scenarios", lambda module: {"breaks": breaks})
    report = run("encoder", SMALL, "cxxrtl")
    assert not report.sound
    assert report.played[0].failure.endswith("AssertionError: a bubble\n")


def test_waves_are_recorded(tmp_path):
    if not installed("icarus"):
        pytest.skip("icarus is not installed")
    report = run("encoder", SMALL, "icarus", waves=True, folder=tmp_path)
    assert report.waves.name == "encoder.fst"
    assert report.waves.stat().st_size > 10_000


def test_a_simulator_that_fails_shows_what_it_said(tmp_path, monkeypatch):
    if not installed("icarus"):
        pytest.skip("icarus is not installed")
    honest = runner.to_verilog
    monkeypatch.setattr(runner, "to_verilog", lambda *of: f"module ;{honest(*of)}")
    with pytest.raises(RuntimeError, match=r"(?s)^icarus failed, and .*build\.log ends:\n.*syntax"):
        run("encoder", SMALL, "icarus", folder=tmp_path)


def test_a_report_without_scenarios_is_not_sound():
    assert not Report("encoder", "icarus", (), 0.0).sound
    assert Report("encoder", "icarus", (Played("a", 0.0, ""),), 0.0).sound


def test_rejects_what_there_is_not(monkeypatch):
    with pytest.raises(ValueError) as raised:
        run("packer", SMALL, "cxxrtl")
    assert str(raised.value) == "bench must be one of encoder, decoder, codec, not 'packer'"
    with pytest.raises(ValueError) as raised:
        run("encoder", SMALL, "modelsim")
    assert str(raised.value) == "simulator must be one of cxxrtl, verilator, icarus, not 'modelsim'"
    with pytest.raises(ValueError) as raised:
        run("encoder", SMALL, "cxxrtl", waves=True)
    assert str(raised.value) == "waves must be recorded by verilator or icarus, not by cxxrtl"
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(FileNotFoundError) as raised:
        run("encoder", SMALL, "icarus")
    assert str(raised.value) == "icarus needs iverilog, from your system's packages"


def test_every_scenario_says_what_it_promises():
    for name in BENCHES:
        for scenario, function in scenarios(bench(name)).items():
            assert function.__doc__.partition("\n")[0].endswith("."), scenario


def test_nothing_is_left_where_the_tests_run():
    assert not list(Path.cwd().glob("sim_build*")) + list(Path.cwd().glob("results*.xml"))
