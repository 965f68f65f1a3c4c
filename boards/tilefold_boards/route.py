"""Place and route of a circuit in its harness, by nextpnr, and what its report says."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

from .critical import Path, critical_path
from .harness import Harnessed
from .parts import Part
from .tools import FlowError, find

PACK = 0
"""Seed of a run that ends before anything is placed: quick, and without a clock."""

# Clocks are kept in picoseconds.
_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Routed:
    """A circuit, placed and routed with one seed."""

    seed: int
    #: Fastest clock; of several, the slowest. 0 if it was only packed.
    fmax_mhz: float
    #: Cells that are used, as nextpnr calls them, with the harness.
    cells: dict[str, int]
    path: Path | None


def run(
    part: Part,
    arguments: Sequence[str],
    folder: File,
    log: str,
    hear: Callable[[str], None] = lambda line: None,
) -> None:
    """Run the router of *part* on it, in *folder*.

    Raises
    ------
    FlowError
        It failed. Says what there is too much of, if that is why.
    """
    used: dict[str, tuple[int, int]] = {}

    def listen(line: str) -> None:
        if found := re.fullmatch(r"Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", line):
            used[found[1]] = int(found[2]), int(found[3])
        hear(line)

    try:
        find(part.family.router).run([*part.options, *arguments], folder, log, listen)
    except FlowError as error:
        for cell, (wanted, there) in used.items():
            if wanted > there > 0:
                raise FlowError(
                    f"the circuit does not fit {part.name}: it needs {wanted} {cell}, "
                    f"and there are {there}"
                ) from error
        raise


def route(
    harnessed: Harnessed,
    part: Part,
    folder: File,
    *,
    freq_mhz: float,
    seed: int,
    clocks: tuple[str, ...] = ("clk",),
    hear: Callable[[str], None] = lambda line: None,
) -> Routed:
    """Place and route with *seed*, aiming at *freq_mhz*. Leaves its log in *folder*.

    With the seed :data:`PACK`, only pack: count what the circuit takes.

    Raises
    ------
    FlowError
        The circuit does not fit, or the clock was not checked at *freq_mhz*.
    """
    # A file of its own for each seed: they run side by side.
    netlist, report = f"seed{seed}.json", f"seed{seed}.report.json"
    (folder / netlist).write_text(harnessed.text, encoding="utf-8")
    placed = "".join(
        f'IO_LOC "{pin}" {place};\n' for pin, place in zip(harnessed.pins, part.pins, strict=False)
    )
    if placed:
        (folder / "pins.cst").write_text(placed, encoding="utf-8")
    arguments = [
        *part.family.options,
        *("--json", netlist),
        *("--freq", f"{freq_mhz:g}"),
        *(("--seed", str(seed)) if seed != PACK else ("--pack-only",)),
        *("--report", report),
        # The figure is wanted where the aim is missed, too.
        "--timing-allow-fail",
        *(("--vopt", "cst=pins.cst") if placed else ()),
    ]
    try:
        run(part, arguments, folder, f"seed{seed}.log", hear)
        text = (folder / report).read_text(encoding="utf-8")
    finally:
        for name in (netlist, report):
            (folder / name).unlink(missing_ok=True)
    return read(json.loads(text), seed, freq_mhz, clocks)


def read(report: dict[str, Any], seed: int, freq_mhz: float, clocks: tuple[str, ...]) -> Routed:
    """Read nextpnr's *report*.

    Raises
    ------
    FlowError
        A clock was checked at another frequency than *freq_mhz*, or one of *clocks* not at all.
    """
    cells = {cell: count["used"] for cell, count in report["utilization"].items() if count["used"]}
    if seed == PACK:
        return Routed(seed, 0.0, cells, None)
    found = report["fmax"]
    for clock in clocks:
        if not any(clock in name for name in found):
            seen = ", ".join(found) or "none"
            raise FlowError(f"clock {clock!r} must be in the timing report, which has {seen}")
    for name, clock in found.items():
        if abs(clock["constraint"] - freq_mhz) > freq_mhz * _TOLERANCE:
            raise FlowError(
                f"clock {name!r} must be checked at {freq_mhz:g} MHz, "
                f"not at {clock['constraint']:g} MHz"
            )
    return Routed(
        seed=seed,
        fmax_mhz=min(clock["achieved"] for clock in found.values()),
        cells=cells,
        path=critical_path(report),
    )
