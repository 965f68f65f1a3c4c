from dataclasses import replace

import pytest

from tilefold_boards.sweep.journal import Journal
from tilefold_boards.sweep.space import Point
from tilefold_hw.config import preset

POINT = Point("pack", preset("tiny"), "ecp5-12f", 200.0, 1)
ROW = {"stamp": "s", "point": POINT.to_dict(), "error": "no"}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "new" / "journal.jsonl"
    with Journal(path) as journal:
        journal.add(ROW)
    return path


def test_what_is_in_it_is_known_again(path):
    with Journal(path) as journal:
        assert journal.row("s", POINT) == ROW
        assert journal.row("s", replace(POINT, seed=2)) is None


def test_another_stamp_is_another_measurement(path):
    with Journal(path) as journal:
        assert journal.row("t", POINT) is None


def test_a_line_that_was_cut_off_is_none(path):
    text = path.read_text()
    path.write_text(text + text[: len(text) // 2])
    other = {**ROW, "point": replace(POINT, seed=2).to_dict()}
    with Journal(path) as journal:
        assert journal.row("s", POINT) == ROW
        journal.add(other)
    with Journal(path) as journal:
        assert journal.row("s", replace(POINT, seed=2)) == other
