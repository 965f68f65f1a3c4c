import json

import pytest
from click.testing import CliRunner

from tilefold.cli import main
from tilefold_hw.config import preset
from tilefold_hw.estimate import estimate


def called(*arguments):
    return CliRunner().invoke(main, ["estimate", *arguments])


def test_a_table_tells_the_cost_and_the_error():
    done = called("standard")
    assert done.exit_code == 0, done.output
    (row,) = [line for line in done.output.splitlines() if line.startswith("encoder")]
    cost = estimate("encoder", preset("standard"))
    figures = (cost.luts, cost.flip_flops, cost.dsps, cost.brams)
    assert row.split()[1:5] == [str(figure) for figure in figures]
    assert "%, at most" in row
    assert "4096 cycles for a tile group of 4096 samples" in done.output
    assert "LFE5U-85F" in done.output


def test_json_tells_all(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("channels = 8\ntables = 2\nproject_macs = 4\n")
    told = json.loads(called(str(path), "--json").output)
    assert told["group_cycles"] == 512
    assert {"project", "codec"} <= set(told["blocks"])
    assert set(told["blocks"]["dct"]) == {
        "luts",
        "flip_flops",
        "dsps",
        "brams",
        "latency_cycles",
        "errors",
    }


def test_rejects_a_configuration_that_is_not_there():
    done = called("huge")
    assert done.exit_code == 1
    message = (
        "configuration must be a TOML file or one of pocket, tiny, standard, demo, precise, video"
    )
    assert done.stderr == f"tilefold: error: {message}, not 'huge'\n"


@pytest.mark.parametrize("word", ["LUT", "DSP", "BRAM", "clk late"])
def test_columns_have_names(word):
    assert word in called("tiny").output
