"""Sweeps on this machine, with real tools, packed only."""

import json

import pytest
from click.testing import CliRunner

from tilefold.cli import main
from tilefold_boards.sweep import run as running
from tilefold_boards.sweep.pareto import front
from tilefold_boards.sweep.run import run
from tilefold_boards.sweep.space import parse
from tilefold_boards.sweep.table import columns
from tilefold_boards.sweep.work import measurements
from tilefold_boards.tools import FlowError

SPACE = """
[[space]]
blocks = "dequantise"
parts = "ecp5-12f"
seeds = 0
[space.config]
preset = "tiny"
sample_width = [7, 8]
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "journal.jsonl"
    heard = []
    rows = run(parse(SPACE).points, path, jobs=2, hear=lambda *what: heard.append(what))
    return path, rows, heard


def test_every_point_is_measured(swept):
    _, rows, heard = swept
    assert [row["point"]["config"]["sample_width"] for row in rows] == [7, 8]
    small, large = measurements(rows)
    assert 0 < small.luts < large.luts
    assert [done for done, *_ in heard] == [0, 0, 1, 2]


def test_what_is_measured_is_not_measured_again(swept, monkeypatch):
    path, rows, _ = swept
    monkeypatch.delattr(running, "cluster")
    assert run(parse(SPACE).points, path) == rows


def test_a_broken_off_sweep_goes_on(swept, tmp_path):
    path, rows, _ = swept
    first = path.read_text().splitlines(keepends=True)[0]
    half = tmp_path / "half.jsonl"
    half.write_text(first)
    assert run(parse(SPACE).points, half, jobs=1) == rows
    assert len(half.read_text().splitlines()) == 2


def test_measurements_become_columns(swept):
    _, rows, _ = swept
    table = columns(measurements(rows))
    assert table["sample_width"] == [7, 8]
    assert {len(column) for column in table.values()} == {2}


def test_what_is_smaller_and_as_fast_is_the_front(swept):
    _, rows, _ = swept
    small, large = measurements(rows)
    assert front([large, small]) == [small]


def test_a_scheduler_that_does_not_answer_is_told(tmp_path):
    address = "tcp://127.0.0.1:1"
    with pytest.raises(FlowError, match=rf"^no scheduler answers at {address}$"):
        run(parse(SPACE).points, tmp_path / "j", scheduler=address)


def test_another_version_at_a_worker_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "stamps_of", Changing())
    with pytest.raises(FlowError, match=r"must have the sources and tools of this machine$"):
        run(parse(SPACE).points, tmp_path / "j")


class Changing:
    """Stamps that differ with every call."""

    called = 0

    def __call__(self, kinds):
        Changing.called += 1
        return {kind: str(Changing.called) for kind in kinds}


def test_the_verb_leaves_journal_table_and_picture(swept, tmp_path):
    path, _, _ = swept
    space = tmp_path / "space.toml"
    space.write_text(SPACE)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "journal.jsonl").write_bytes(path.read_bytes())
    done = CliRunner().invoke(main, ["sweep", str(space), "--directory", str(folder)])
    assert done.exit_code == 0, done.output
    assert "2 of 2 in the journal" in done.stderr
    assert "1 of 2: nothing is smaller and faster than these" in done.stdout
    assert {each.name for each in folder.iterdir()} == {
        "journal.jsonl",
        "results.parquet",
        "pareto.svg",
    }


def test_what_can_t_be_measured_is_told(swept, tmp_path):
    path, _, _ = swept
    row = json.loads(path.read_text().splitlines()[0])
    space = tmp_path / "space.toml"
    space.write_text(SPACE.replace("[7, 8]", str(row["point"]["config"]["sample_width"])))
    del row["routed"], row["counts"]
    (tmp_path / "journal.jsonl").write_text(json.dumps(row | {"error": "too large"}) + "\n")
    done = CliRunner().invoke(main, ["sweep", str(space), "--directory", str(tmp_path)])
    assert done.exit_code == 1
    assert "dequantise on ecp5-12f, seed 0: too large\n" in done.stderr
    assert "tilefold: error: nothing could be measured\n" in done.stderr
