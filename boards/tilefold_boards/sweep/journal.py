"""The journal of a sweep: a line of JSON for each point that was measured, added as it comes.

What was measured stays measured: a sweep that is started again only does what the journal lacks. A
line counts as long as nothing that it depends on has changed, which its *stamp* tells: the sources
of the circuits, and the tools. A line that was cut off is none.
"""

import hashlib
import json
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from .space import Point

FORMAT = 1

# What decides on a measurement: circuits, data sheet, and how it is measured.
_PACKAGES = ("tilefold_hw", "tilefold_gateware", "tilefold_boards")

# And what does not: how it is swept and shown.
_SHOWN = ("estimate", "performance", "progress.py", "show.py", "sweep", "verbs.py")

Row = dict[str, Any]
"""A line: ``stamp``, ``point``, and either what was measured or why it could not be (``error``)."""


@cache
def sources() -> str:
    """Digest of the packages that a measurement depends on."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        spec = find_spec(package)
        assert spec
        assert spec.submodule_search_locations
        folder = Path(spec.submodule_search_locations[0])
        for path in sorted(folder.rglob("*.py")):
            if path.relative_to(folder).parts[0] not in _SHOWN:
                digest.update(f"{path.relative_to(folder)}\n".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def stamp(tools: dict[str, str]) -> str:
    """Return the stamp of what is measured now, with *tools* by version."""
    return hashlib.sha256(json.dumps([FORMAT, sources(), tools]).encode()).hexdigest()[:16]


def key(row_point: dict[str, Any]) -> str:
    """Return the text that two equal points share."""
    return json.dumps(row_point, sort_keys=True)


class Journal:
    """A file of rows, open to add to."""

    def __init__(self, path: Path):
        self._path = path
        self._rows: dict[tuple[str, str], Row] = {}
        self._file: TextIO | None = None

    def __enter__(self) -> "Journal":
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        for line in text.splitlines():
            try:
                row = json.loads(line)
                self._rows[row["stamp"], key(row["point"])] = row
            except (ValueError, KeyError, TypeError):
                continue
        self._file = self._path.open("a", encoding="utf-8")
        if text and not text.endswith("\n"):
            self._file.write("\n")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._file
        self._file.close()

    def row(self, stamp: str, point: Point) -> Row | None:
        """Return what is known of *point* under *stamp*."""
        return self._rows.get((stamp, key(point.to_dict())))

    def add(self, row: Row) -> None:
        """Add a row; it is on disk when this returns."""
        assert self._file
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._rows[row["stamp"], key(row["point"])] = row
