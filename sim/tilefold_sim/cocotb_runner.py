"""A step of cocotb's own runner, as a program: ``python -m tilefold_sim.cocotb_runner JSON``."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from cocotb_tools.runner import get_runner

_TIMESCALE = ("1ns", "1ps")

_ARGUMENTS = {
    "verilator": [
        # The Verilog is a machine's, and what there is to warn of is style.
        "-Wno-fatal",
        "-Wno-lint",
        # One file of C++: for several, the wheel's makefile wants a precompiled header that it
        # doesn't know how to use.
        "--output-split",
        "0",
    ],
    "icarus": [],
}


def main(order: str) -> None:
    """Build, or test."""
    step, name, simulator, waves, place, settings = json.loads(order)
    runner = get_runner(simulator)
    if step == "build":
        arguments = list(_ARGUMENTS[simulator])
        if waves and simulator == "verilator" and _has_lz4():
            arguments.append("--trace-fst")
        runner.build(
            sources=[Path(place, f"{name}.v")],
            hdl_toplevel=name,
            build_dir=place,
            build_args=arguments,
            timescale=_TIMESCALE,
            waves=waves,
        )
    else:
        runner.test(
            test_module="tilefold_sim.cosim",
            hdl_toplevel=name,
            hdl_toplevel_lang="verilog",
            build_dir=place,
            test_dir=place,
            results_xml=str(Path(place, "results.xml")),
            extra_env=settings,
            timescale=_TIMESCALE,
            waves=waves,
        )


def _has_lz4() -> bool:
    """Whether waves can be FST, which is far smaller than VCD: Verilator's needs lz4's header."""
    compiler = os.environ.get("CXX") or shutil.which("g++") or "c++"
    command = [compiler, "-E", "-x", "c++", "-include", "lz4.h", os.devnull]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    main(sys.argv[1])
