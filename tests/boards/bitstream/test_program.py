import json
import os
import sys
from hashlib import sha256

import pytest

from tilefold_boards.bitstream.catalogue import BOARDS, board
from tilefold_boards.bitstream.program import command, program, ready


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A board that looks as if it had been built, into the default folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "build/boards/icebreaker"
    folder.mkdir(parents=True)
    (folder / "icebreaker.bin").write_bytes(b"bits")
    told = {
        "format": 1,
        "board": "icebreaker",
        "bitstream": {"file": "icebreaker.bin", "sha256": sha256(b"bits").hexdigest()},
    }
    (folder / "icebreaker.json").write_text(json.dumps(told))
    return folder


@pytest.fixture
def loader(tmp_path, monkeypatch):
    """An openFPGALoader that notes what it is called with; its status is in a file."""
    folder = tmp_path / "bin"
    folder.mkdir()
    path = folder / "openFPGALoader"
    path.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, sys\n"
        "here = pathlib.Path(__file__).parent\n"
        "(here / 'called').write_text(json.dumps(sys.argv[1:]))\n"
        "sys.exit(int((here / 'status').read_text()))\n"
    )
    path.chmod(0o755)
    (folder / "status").write_text("0")
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return folder


def test_a_board_is_programmed_with_what_was_built(built, loader):
    program(command(ready("icebreaker")))
    called = json.loads((loader / "called").read_text())
    assert called == ["-b", "ice40_generic", "build/boards/icebreaker/icebreaker.bin"]


def test_a_file_is_programmed_on_the_board_of_its_report(built, loader):
    what = ready(str(built / "icebreaker.bin"))
    assert what.board is board("icebreaker")
    program(command(what, flash=True, cable="ft232"))
    called = json.loads((loader / "called").read_text())
    options = ["-b", "ice40_generic", "-c", "ft232", "-f"]
    assert called == [*options, str(built / "icebreaker.bin")]


def test_no_shell_reads_a_name(built, loader):
    odd = built / "a; touch there #.bin"
    (built / "icebreaker.bin").rename(odd)
    report = built / "a; touch there #.json"
    told = json.loads((built / "icebreaker.json").read_text())
    told["bitstream"]["file"] = odd.name
    report.write_text(json.dumps(told))
    program(command(ready(str(odd))))
    assert json.loads((loader / "called").read_text())[-1] == str(odd)
    assert not list(built.glob("there*"))


def test_a_failure_is_told(built, loader):
    (loader / "status").write_text("3")
    with pytest.raises(ValueError, match=r"^openFPGALoader failed with status 3: is the board"):
        program(command(ready("icebreaker")))


def test_a_missing_loader_says_what_to_install(built, monkeypatch):
    monkeypatch.setenv("PATH", "")
    message = r"^openFPGALoader is not installed: install it with `apt install openfpgaloader`, "
    with pytest.raises(ValueError, match=message):
        command(ready("icebreaker"))


def test_a_board_that_was_not_built_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = r"^ulx3s_85f must be built first: tilefold build ulx3s_85f$"
    with pytest.raises(ValueError, match=message):
        ready("ulx3s_85f")


def test_neither_board_nor_file_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = rf"^bitstream must be a file or one of {', '.join(BOARDS)}, not 'arty'$"
    with pytest.raises(ValueError, match=message):
        ready("arty")


def test_a_file_without_a_report_is_told(tmp_path):
    (tmp_path / "it.bit").write_bytes(b"bits")
    message = r"it\.bit must have its report beside it, .*: there is no .*it\.json$"
    with pytest.raises(ValueError, match=message):
        ready(str(tmp_path / "it.bit"))


@pytest.mark.parametrize("text", ["{}", '{"format": 2, "board": "icebreaker"}', "[]", "it"])
def test_a_report_that_is_none_is_told(text, built):
    (built / "icebreaker.json").write_text(text)
    message = r"icebreaker\.json must be the report of a build, of format 1$"
    with pytest.raises(ValueError, match=message):
        ready("icebreaker")


def test_a_bitstream_that_is_not_the_report_s_is_told(built):
    (built / "icebreaker.bin").write_bytes(b"others")
    message = r"icebreaker\.bin must be what .*\.json tells of; build it again: tilefold build ice"
    with pytest.raises(ValueError, match=message):
        ready("icebreaker")
    (built / "icebreaker.bin").unlink()
    with pytest.raises(ValueError, match=message):
        ready("icebreaker")


def test_a_file_that_the_report_does_not_mean_is_told(built):
    (built / "icebreaker.bit").write_bytes(b"bits")
    message = r"icebreaker\.bit must be the bitstream of .*\.json, which is icebreaker\.bin$"
    with pytest.raises(ValueError, match=message):
        ready(str(built / "icebreaker.bit"))
