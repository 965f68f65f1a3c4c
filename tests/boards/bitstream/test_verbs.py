import json
import re

import pytest
from click.testing import CliRunner

from tilefold.cli import main
from tilefold_boards.bitstream.catalogue import BOARDS
from tilefold_hw.device import DEVICES, DeviceConfig


@pytest.fixture
def called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *arguments: CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture
def small(echo, monkeypatch):
    """A device that is built in seconds."""
    monkeypatch.setattr("tilefold_gateware.device.SerialDevice", echo)


def test_boards_are_listed(called):
    done = called("boards")
    assert done.exit_code == 0, done.output
    for name in BOARDS:
        assert re.search(rf"^ {name} ", done.stdout, re.M)
    assert all(len(line) <= 80 for line in done.stdout.split("\nbuilds:")[0].splitlines())
    assert "None was tried on hardware" in done.stdout


def test_boards_are_told_as_json(called):
    told = json.loads(called("boards", "--json").stdout)
    assert [each["name"] for each in told] == list(BOARDS)
    icebreaker = next(each for each in told if each["name"] == "icebreaker")
    assert icebreaker["resources"] == {"luts": 5280, "multipliers": 8, "memories": 30}
    assert icebreaker["clock_hz"] == DEVICES["icebreaker"].clock_hz
    assert [each["name"] for each in told if each["state"] == "experimental"] == [
        "crosslink_nx_evn"
    ]


def test_a_board_is_built(called, small, tmp_path):
    done = called("build", "icebreaker", "--seeds", 2, "--jobs", 2)
    assert done.exit_code == 0, done.output
    first, *files = done.stdout.splitlines()
    assert re.fullmatch(
        r"icebreaker: iCE40UP5K at 24 MHz, which may be up to \d+\.\d MHz \(seed [12]\); "
        r"LUT \d+ of 5280, DSP 0 of 8, BRAM 0 of 30",
        first,
    )
    for line, suffix in zip(files, ("bin", "json", "toml"), strict=True):
        path = f"build/boards/icebreaker/icebreaker.{suffix}"
        assert line.startswith(f"{path}: ")
        assert (tmp_path / path).is_file()
    # Where there is no terminal, a line tells what begins.
    for step in ("synthesis", "seed 1", "seed 2", "packing"):
        assert f"icebreaker: {step} ..." in done.stderr


def test_a_board_is_built_with_a_configuration_elsewhere(called, small, tmp_path):
    asked = DeviceConfig(DEVICES["icebreaker"].codec, clock_hz=18_000_000, baud=1_000_000)
    (tmp_path / "mine.toml").write_text(asked.to_toml())
    done = called("build", "icebreaker", "--config", "mine.toml", "-o", "out", "--seed", 7)
    assert done.exit_code == 0, done.output
    assert DeviceConfig.load(tmp_path / "out/icebreaker.toml") == asked
    told = json.loads((tmp_path / "out/icebreaker.json").read_text())
    assert (told["timing"]["seed"], told["clock"]["clock_hz"]) == (7, 18_000_000)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("build", "arty"), r"board must be one of ulx3s_12f, .*, not 'arty'"),
        (
            ("build", "icebreaker", "--config", "no.toml"),
            r"device must be a TOML file or one of ulx3s, .*, not 'no.toml'",
        ),
        (
            ("build", "crosslink_nx_evn", "--config", "ulx3s"),
            r"clock_hz must be 12000000 on crosslink_nx_evn, which has no PLL here, not 60000000",
        ),
        (("program", "icebreaker"), r"icebreaker must be built first: tilefold build icebreaker"),
        (("program", "it.bit"), r"bitstream must be a file or one of ulx3s_12f, .*, not 'it.bit'"),
    ],
)
def test_a_mistake_is_told_before_anything_runs(called, tmp_path, arguments, message):
    done = called(*arguments)
    assert done.exit_code == 1
    assert re.fullmatch(rf"tilefold: error: {message}\n", done.stderr)
    assert not list(tmp_path.iterdir())


def test_one_seed_or_several(called):
    done = called("build", "icebreaker", "--seed", 2, "--seeds", 3)
    assert done.exit_code == 2
    assert "--seed and --seeds exclude each other" in done.stderr
