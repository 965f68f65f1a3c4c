"""The work of a sweep, as functions that any machine can run: from a point to a row."""

import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tilefold_hw.config import CodecConfig

from ..blocks import block
from ..critical import Path as CriticalPath
from ..harness import Counts, Harnessed
from ..measure import prepare
from ..measurement import Case, Measurement, case
from ..parts import part
from ..route import Routed, route
from ..tools import FlowError
from .journal import Row
from .space import Point
from .stamp import stamp

Kind = tuple[str, str]
"""A block and a part."""


def stamps_of(kinds: Iterable[Kind]) -> dict[Kind, str]:
    """Return this machine's stamp of each block on a part: two that differ measure differently."""
    return {kind: stamp(*kind) for kind in kinds}


def harness(point: Point) -> Harnessed | str:
    """Synthesise the circuit of *point*; return it in its harness, or why that can't be."""
    with tempfile.TemporaryDirectory(prefix="tilefold-") as folder:
        try:
            return prepare(_case(point), part(point.part), Path(folder) / "circuit")
        except FlowError as error:
            return str(error)


def measure(point: Point, harnessed: Harnessed | str, stamp: str) -> Row:
    """Place and route *harnessed*, the circuit of *point*, and return the row of the journal."""
    row: Row = {"stamp": stamp, "point": point.to_dict()}
    if isinstance(harnessed, str):
        return row | {"error": harnessed}
    with tempfile.TemporaryDirectory(prefix="tilefold-") as folder:
        try:
            routed = route(
                harnessed,
                part(point.part),
                Path(folder),
                freq_mhz=point.freq_mhz,
                seed=point.seed,
            )
        except FlowError as error:
            return row | {"error": str(error)}
    return row | {"routed": asdict(routed), "counts": asdict(harnessed.counts)}


def measurements(rows: Iterable[Row]) -> list[Measurement]:
    """Bring the seeds of each circuit together; rows that tell an error are left out."""
    groups: dict[tuple[str, float], list[Row]] = {}
    for row in rows:
        if "error" not in row:
            point = _point(row)
            groups.setdefault((point.circuit, point.freq_mhz), []).append(row)
    found = []
    for group in groups.values():
        point = _point(group[0])
        found.append(
            Measurement(
                case=_case(point),
                part=part(point.part),
                freq_mhz=point.freq_mhz,
                routed=tuple(_routed(row["routed"]) for row in group),
                counts=Counts(**group[0]["counts"]),
            )
        )
    return found


def _point(row: Row) -> Point:
    values: dict[str, Any] = row["point"]
    return Point(**values | {"config": CodecConfig.from_dict(values["config"])})


def _routed(values: dict[str, Any]) -> Routed:
    path = values["path"]
    if path is not None:
        path = CriticalPath(**path | {"via": tuple(path["via"])})
    return Routed(**values | {"path": path})


def _case(point: Point) -> Case:
    return case(block(point.block), point.config)
