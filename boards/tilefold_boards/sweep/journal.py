"""The journal of a sweep: a line of JSON for each point that was measured, added as it comes.

What was measured stays measured: a sweep that is started again only does what the journal lacks. A
line counts as long as nothing that it depends on has changed, which its *stamp* tells. A line that
was cut off is none.
"""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from .space import Point

Row = dict[str, Any]
"""A line: ``stamp``, ``point``, and either what was measured or why it could not be (``error``)."""


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
