import tomllib
from pathlib import Path

import pytest

from tilefold_boards import performance
from tilefold_boards.blocks import block
from tilefold_boards.harness import Counts
from tilefold_boards.measurement import Measurement, case
from tilefold_boards.parts import part
from tilefold_boards.performance.__main__ import main
from tilefold_boards.performance.contents import KINDS, comparison, sections
from tilefold_boards.performance.page import page
from tilefold_boards.performance.pictures import draw
from tilefold_boards.route import Routed
from tilefold_hw.config import CodecConfig

FIGURES = """
[[section]]
title = "Undone"
text = "By width."
plot = "sample_width"
[[section.space]]
blocks = ["dequantise"]
parts = ["ecp5-12f"]
seeds = 1
[section.space.config]
preset = "tiny"
sample_width = [7, 8]
"""


def measured(name, luts, clock, **config):
    return Measurement(
        case=case(block(name), CodecConfig(**config)),
        part=part("ecp5-85f"),
        freq_mhz=200.0,
        routed=(Routed(1, clock, {"TRELLIS_COMB": luts, "MULT18X18D": 4}, None),),
        counts=Counts(mapped={}, flip_flops=9, harness_flip_flops=3, shared=0),
    )


def test_the_sections_hold_what_they_promise():
    found = sections()
    assert len(found) > 5
    assert all(section.points for section in found)
    goals = {(point.block, point.part) for section in found for point in section.points}
    assert {("dct", "ecp5-85f"), ("encoder", "ice40-up5k"), ("encoder", "gw1nr-9c")} <= goals


def test_peers_are_as_they_were_measured():
    found = [line for kind in KINDS for line in comparison(kind, [])]
    assert len(found) == 11
    lines = {line.name.split()[0]: line for line in found}
    frame = lines["Brilliant"]
    assert round(frame.rate) == 162
    assert round(frame.rate * 1e3 / frame.luts, 1) == 76.7
    assert round(lines["FINN"].rate * 1e3 / lines["FINN"].luts) == 612
    peers = tomllib.loads((Path(performance.__path__[0]) / "peers.toml").read_text())["peer"]
    assert {peer["kind"] for peer in peers} == set(KINDS)


def test_ours_stand_among_them_by_rate_for_a_table():
    lines = comparison("transform", [measured("dct", 1000, 210.0), measured("pack", 10, 210.0)])
    assert [line.name for line in lines if line.ours] == ["Tilefold dct"]
    assert lines[0].ours
    assert lines[1].name.startswith("Brilliant")


def test_a_page_tells_every_figure():
    (section, *_) = sections()
    text = page([(section, [measured("dct", 1000, 250.0)], "a.svg")], {"yosys": "0.70"}, ["x: no"])
    assert "| dct | 1000 | 9 | 4 | 0 | 250.0 (250 to 250) | 1 | 225 | 225.0 | 56.2 |" in text
    assert "| **Tilefold dct** | 1 | 250.0 | 225 | 1000 | 4 | 225.0 | 56.2 |" in text
    assert "rates are claimed for 225 MHz" in text
    assert "Tools: yosys 0.70." in text
    assert "![Transforms, by lanes](a.svg)" in text
    assert "- x: no" in text


def test_a_picture_is_the_same_for_the_same_figures(tmp_path):
    both = [measured("dct", 800, 200.0, tile=4), measured("dct", 1000, 210.0, tile=8)]
    for name in ("a", "b"):
        draw(both, "tile", tmp_path / f"{name}.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    (folder / "figures.toml").write_text(FIGURES)
    names = {"page": "it.md", "figures": "figures.toml", "journal": "journal.jsonl"}
    arguments = [part for name, file in names.items() for part in (f"--{name}", str(folder / file))]
    main(arguments)
    return folder, arguments


def test_it_is_measured_and_written(written):
    folder, _ = written
    text = (folder / "it.md").read_text()
    assert "## Undone\n\nBy width.\n" in text
    assert "`tilefold fpga CONFIG --part ecp5-12f --block dequantise --freq 200 --seeds 1`" in text
    assert "| block | sample width | LUT |" in text
    assert "What limits the clock" in text
    assert "it/undone.svg" in text
    assert (folder / "it" / "undone.svg").exists()


def test_it_is_the_same_when_it_is_written_again(written):
    folder, arguments = written
    before = (folder / "it.md").read_text()
    main(arguments)
    assert (folder / "it.md").read_text() == before
