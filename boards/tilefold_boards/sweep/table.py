"""Measurements as a table of columns, for programs that read Parquet."""

from collections.abc import Sequence
from pathlib import Path

from ..measurement import Measurement

_FIGURES = (
    "luts",
    "flip_flops",
    "dsps",
    "brams",
    "fmax_mhz",
    "clock_mhz",
    "rate",
    "latency_ns",
)


def columns(measurements: Sequence[Measurement]) -> dict[str, list[object]]:
    """Return the columns: block, part, the fields of the configuration, and the figures."""
    rows = []
    for each in measurements:
        told = each.to_dict()
        row = {"block": told["block"], "part": told["part"], **(told["config"] or {})}
        row |= {"freq_mhz": each.freq_mhz, "seeds": len(each.routed)}
        row |= {name: getattr(each, name) for name in _FIGURES}
        row |= {name: told["fmax_mhz"][name] for name in ("min", "max")}
        rows.append(row)
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def write_parquet(measurements: Sequence[Measurement], path: Path) -> None:
    """Write :func:`columns` as Parquet, at once."""
    import pyarrow
    from pyarrow import parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}")
    parquet.write_table(pyarrow.table(columns(measurements)), half)
    half.replace(path)
