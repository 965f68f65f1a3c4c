from pathlib import Path

import pytest

from tilefold_boards.sweep import stamp as stamps
from tilefold_boards.sweep.stamp import digest, imports, stamp


@pytest.fixture
def other(tmp_path, monkeypatch):
    """Put other text in place of what a module's file holds, for what reads it."""
    monkeypatch.setattr(stamps, "imports", imports.__wrapped__)
    monkeypatch.setattr(stamps, "digest", digest.__wrapped__)
    honest = Path.read_text
    texts = {}

    def read_text(path, **options):
        return texts.get(path.name, honest)(path, **options)

    def change(name, edit):
        texts[name] = lambda path, **options: edit(honest(path, **options))

    monkeypatch.setattr(Path, "read_text", read_text)
    return change


def test_a_stamp_is_the_same_for_the_same():
    assert stamp("pack", "ecp5-12f") == stamp("pack", "ecp5-12f")
    assert stamp("pack", "ecp5-12f") != stamp("dequantise", "ecp5-12f")


def test_it_changes_with_the_circuit_and_all_that_it_imports(other):
    before = stamp("pack", "ecp5-12f"), stamp("encoder", "ecp5-12f")
    other("outlet.py", lambda text: text + "\nMORE = 1\n")
    assert stamp("pack", "ecp5-12f") != before[0]
    assert stamp("encoder", "ecp5-12f") != before[1]


def test_it_does_not_change_with_another_circuit(other):
    before = stamp("pack", "ecp5-12f")
    other("project.py", lambda text: text + "\nMORE = 1\n")
    assert stamp("pack", "ecp5-12f") == before


def test_it_changes_with_the_way_of_measuring(other):
    before = stamp("pack", "ecp5-12f")
    other("harness.py", lambda text: text + "\nMORE = 1\n")
    assert stamp("pack", "ecp5-12f") != before


def test_it_does_not_change_with_words(other):
    before = stamp("pack", "ecp5-12f")
    other("pack.py", lambda text: text.replace('"""Packer', '"""A packer') + "\n# More.\n")
    assert stamp("pack", "ecp5-12f") == before


def test_it_changes_with_the_tools(monkeypatch):
    before = stamp("pack", "ecp5-12f")
    monkeypatch.setattr(stamps, "versions", lambda part: {"yosys": "0.1"})
    assert stamp("pack", "ecp5-12f") != before
