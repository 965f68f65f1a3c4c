"""The registers of a core behind AXI4-Lite, as cocotbext-axi's master sees them."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("cocotbext.axi")

from tilefold_sim.generate.source import source
from tilefold_sim.runner import installed

HERE = Path(__file__).parent

PROGRAM = """
import subprocess
import sys
from cocotb_tools.runner import get_runner
place, = sys.argv[1:]
runner = get_runner("icarus")
runner.build(
    sources=[f"{place}/core.v"], hdl_toplevel="tilefold_codec", build_dir=place,
    timescale=("1ns", "1ps"),
)
runner.test(
    test_module="axi_lite_cases", hdl_toplevel="tilefold_codec", build_dir=place, test_dir=place,
    results_xml=f"{place}/results.xml", timescale=("1ns", "1ps"),
)
"""


def test_every_case_passes(tmp_path):
    if not installed("icarus"):
        pytest.skip("icarus is not installed")
    sys.path.insert(0, str(HERE))
    try:
        from axi_lite_cases import CORE
    finally:
        sys.path.remove(str(HERE))
    (tmp_path / "core.v").write_text(source(CORE))
    path = os.pathsep.join([str(HERE), *(path for path in sys.path if path)])
    # cocotb's runner looks for pytest, and then ends the process where a test fails.
    environment = {**os.environ, "PYTHONPATH": path, "PYTEST_CURRENT_TEST": ""}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    told = (done.stdout + done.stderr)[-3000:]
    assert done.returncode == 0, told
    cases = list(ElementTree.parse(tmp_path / "results.xml").getroot().iter("testcase"))
    assert len(cases) == 7
    assert not [
        case for case in cases for how in ("failure", "error") if case.find(how) is not None
    ]
