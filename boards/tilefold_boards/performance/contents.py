"""What the page tells of: sections of our own circuits, and other people's cores beside them."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..measurement import Measurement
from ..sweep.space import Point, spaces

_HERE = Path(__file__).parent

KINDS = {
    "transform": ("dct", "idct"),
    "codec": ("encoder", "decoder"),
    "projector": ("project",),
}
"""What our blocks are compared with."""


@dataclass(frozen=True, slots=True)
class Section:
    """A table of our circuits."""

    title: str
    text: str
    #: Field of the configuration that cost is drawn against; empty for no picture.
    plot: str
    #: It stands beside other people's cores, too.
    compared: bool
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the comparison."""

    name: str
    per_clock: float
    fmax_mhz: float
    clock_mhz: float
    luts: int
    dsps: int
    latency_cycles: int | None
    ours: bool

    @property
    def rate(self) -> float:
        """Millions of items a second."""
        return self.per_clock * self.clock_mhz


def sections(path: Path = _HERE / "figures.toml") -> list[Section]:
    """Read the sections of the page."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return [
        Section(
            title=each["title"],
            text=each["text"],
            plot=each.get("plot", ""),
            compared=each.get("compared", False),
            points=spaces(each["space"]).points,
        )
        for each in table["section"]
    ]


def how_peers_were_measured() -> str:
    """Return the note on how other people's cores were measured."""
    return str(_peers()["measured"])


def comparison(kind: str, ours: list[Measurement]) -> list[Line]:
    """Return other people's cores of a *kind*, and those of *ours* on the same part."""
    lines = [
        Line(
            name=peer["name"],
            per_clock=peer["per_clock"],
            fmax_mhz=peer["fmax_mhz"],
            clock_mhz=peer["fmax_mhz"],
            luts=peer["luts"],
            dsps=peer["dsps"],
            latency_cycles=peer.get("latency_cycles"),
            ours=False,
        )
        for peer in _peers()["peer"]
        if peer["kind"] == kind
    ]
    for each in ours:
        if each.case.name in KINDS[kind] and each.part.name == "ecp5-85f":
            lines.append(
                Line(
                    name=f"Tilefold {each.case.name}",
                    per_clock=each.case.per_clock,
                    fmax_mhz=each.fmax_mhz,
                    clock_mhz=each.clock_mhz,
                    luts=each.luts,
                    dsps=each.dsps,
                    latency_cycles=each.case.latency_cycles,
                    ours=True,
                )
            )
    return sorted(lines, key=lambda line: -line.rate / line.luts)


def _peers() -> dict[str, Any]:
    return tomllib.loads((_HERE / "peers.toml").read_text(encoding="utf-8"))
