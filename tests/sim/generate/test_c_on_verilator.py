"""The driver in C loads an exported bundle into a core in Verilator, which then encodes."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tilefold.bundle import Bundle, Site
from tilefold.model.reorder import to_beats
from tilefold_hw.config import preset
from tilefold_hw.core import CoreConfig
from tilefold_sim.cases import make_case, random_groups, random_layer
from tilefold_sim.generate.export import export
from tilefold_sim.generate.package import write
from tilefold_sim.runner import installed, search_path

CORE = CoreConfig(replace(preset("tiny"), tile=4, channels=4, tables=2), "encoder")

STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic", "-std=c99")

MAIN = """
#include "Vtilefold_encoder.h"
#include "verilated.h"
#include <cstdio>
extern "C" {
#include "tilefold.h"
enum tilefold_result load(struct tilefold_bus bus, size_t layer);
}

static Vtilefold_encoder dut;
static unsigned cycles;

static void edge() {
    dut.clk = 0; dut.eval();
    dut.clk = 1; dut.eval();
    ++cycles;
}

/* A manager of AXI4-Lite that holds its requests until they are taken. */
static void store(void *, uint32_t offset, uint32_t value) {
    dut.s_axil_awaddr = offset; dut.s_axil_wdata = value; dut.s_axil_wstrb = 15;
    dut.s_axil_awvalid = dut.s_axil_wvalid = dut.s_axil_bready = 1;
    for (;;) {
        dut.clk = 0; dut.eval();
        bool aw = dut.s_axil_awvalid && dut.s_axil_awready;
        bool w = dut.s_axil_wvalid && dut.s_axil_wready;
        bool b = dut.s_axil_bvalid;
        edge();
        if (aw) dut.s_axil_awvalid = 0;
        if (w) dut.s_axil_wvalid = 0;
        if (b) break;
    }
    dut.s_axil_bready = 0;
}

static uint32_t fetch(void *, uint32_t offset) {
    dut.s_axil_araddr = offset;
    dut.s_axil_arvalid = dut.s_axil_rready = 1;
    for (;;) {
        dut.clk = 0; dut.eval();
        bool ar = dut.s_axil_arvalid && dut.s_axil_arready;
        bool r = dut.s_axil_rvalid;
        uint32_t value = dut.s_axil_rdata;
        edge();
        if (ar) dut.s_axil_arvalid = 0;
        if (r) { dut.s_axil_rready = 0; return value; }
    }
}

int main() {
    struct tilefold_bus bus = {fetch, store, nullptr};
    dut.rst = 1;
    for (int k = 0; k < 4; ++k) edge();
    dut.rst = 0;
    for (size_t layer = 0; layer < 2; ++layer) {
        enum tilefold_result result = load(bus, layer);
        std::printf("load %s\\n", tilefold_describe(result));
        if (result != TILEFOLD_OK) return 1;
        unsigned count, sample;
        if (std::scanf("%u", &count) != 1) return 2;
        dut.m_axis_tready = 1;
        bool more = count-- && std::scanf("%u", &sample) == 1;
        for (bool last = false; !last && cycles < 1000000;) {
            dut.s_axis_tvalid = more;
            dut.s_axis_tdata = sample;
            dut.clk = 0; dut.eval();
            bool taken = more && dut.s_axis_tready;
            if (dut.m_axis_tvalid) {
                std::printf("word %u\\n", (unsigned)dut.m_axis_tdata);
                last = dut.m_axis_tlast;
            }
            edge();
            if (taken) more = count && count-- && std::scanf("%u", &sample) == 1;
        }
    }
    return 0;
}
"""

LOAD = """
#include "tilefold.h"
#include "tilefold_encoder.h"
#include "layers.h"

enum tilefold_result load(struct tilefold_bus bus, size_t layer);

enum tilefold_result load(struct tilefold_bus bus, size_t layer)
{
    struct tilefold_side encoder = {bus, TILEFOLD_ENCODER_ENCODER_BASE};
    return tilefold_load(&encoder, &tilefold_encoder_layers[layer].encoder, 1000);
}
"""


@pytest.fixture
def made(tmp_path):
    """A core, and a bundle of two layers that was exported for it; and cases of both."""
    rng = np.random.default_rng(0)
    cases, sites = [], []
    for name in ("first", "second"):
        layer = random_layer(CORE.codec, rng)
        cases.append(make_case(CORE.codec, layer, random_groups(CORE.codec, layer, rng)))
        sites.append(Site(name, 4 * layer.groups, 4, 1.0, 0, layer))
    write(CORE, tmp_path / "core")
    bundle = Bundle(CORE.codec, tuple(sites), {})
    (tmp_path / "layers.h").write_text(export(bundle, CORE))
    (tmp_path / "load.c").write_text(LOAD)
    (tmp_path / "main.cc").write_text(MAIN)
    return tmp_path, cases


def folders(place):
    return [f"-I{place / 'core' / 'driver'}", f"-I{place / 'core' / 'registers'}", f"-I{place}"]


def compile_c(place, *sources):
    for source in sources:
        subprocess.run(["gcc", *STRICT, *folders(place), "-c", source], cwd=place, check=True)


def test_what_the_readme_shows_in_c_compiles(made):
    place, _ = made
    readme = (place / "core" / "README.md").read_text()
    (snippet,) = re.findall(r"^```c\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    # A function that no one calls has no prototype here: -Wmissing-prototypes is not asked for.
    (place / "snippet.c").write_text(snippet)
    compile_c(place, "snippet.c", "core/driver/tilefold.c")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_bundle_is_loaded_and_run(made):
    if not installed("verilator"):
        pytest.skip("verilator is not installed")
    place, cases = made
    compile_c(place, "load.c", "core/driver/tilefold.c")
    folders = (search_path("verilator"), str(Path(sys.executable).parent), os.environ["PATH"])
    environment = {**os.environ, "PATH": ":".join(folders)}
    environment.pop("VERILATOR_ROOT", None)
    built = subprocess.run(
        [
            *("verilator", "--cc", "--exe", "--build", "-Wno-fatal", "--output-split", "0"),
            *("-CFLAGS", " ".join(folders(place))),
            *("core/tilefold_encoder.v", "main.cc"),
            *(str(place / name) for name in ("load.o", "tilefold.o")),
        ],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr[-2000:]
    told, expected = [], []
    for case in cases:
        beats = to_beats(CORE.codec, case.groups)[:, 0]
        told += [len(beats), *beats]
        words = [int.from_bytes(word.tobytes(), "little") for word in case.words]
        expected += ["load done", *(f"word {word}" for word in words)]
    done = subprocess.run(
        [place / "obj_dir" / "Vtilefold_encoder"],
        input=" ".join(map(str, told)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("word")] == [
        line for line in expected if line.startswith("word")
    ]
    assert sum(line.startswith("load") for line in lines) == 2
    assert done.returncode == 0
