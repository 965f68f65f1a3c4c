"""Place and route of a design, by nextpnr: where everything lies, and whether the clock is met."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..route import Routed, read, run
from ..tools import FlowError
from .design import Design
from .flow import flow

CLOCK = "clk"
"""In the name of the clock of ``sync``."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A design, placed and routed with one seed."""

    routed: Routed
    #: What the packer reads, in the folder.
    file: str
    #: Cells that there are, as nextpnr calls them.
    available: dict[str, int]


def place(
    design: Design,
    netlist: str,
    folder: Path,
    seed: int,
    hear: Callable[[str], None] = lambda line: None,
) -> Placed:
    """Place and route the synthesised *netlist* of *design* with *seed*.

    Leaves ``seedN.log`` in *folder*, and what the packer reads.

    Raises
    ------
    FlowError
        The design does not fit, or its clock was not checked, or not at the frequency that the
        board has. That a clock is missed is no error here: see :attr:`Placed.routed`.
    """
    part = design.board.part
    how = flow(part.family)
    mhz = design.config.clock_hz / 1e6
    # Files of its own for each seed: they run side by side.
    names = {
        "netlist": f"seed{seed}.json",
        "report": f"seed{seed}.report.json",
        "constraints": f"seed{seed}.{how.constraints}",
        "routed": f"seed{seed}.routed",
    }
    (folder / names["netlist"]).write_text(netlist, encoding="utf-8")
    (folder / names["constraints"]).write_text(design.constraints, encoding="utf-8")
    arguments = [
        *(option.format(**names) for option in how.route),
        *("--json", names["netlist"]),
        *("--report", names["report"]),
        *("--seed", str(seed)),
        *(() if how.derives else ("--freq", f"{mhz:g}")),
        # The figure is wanted where the clock is missed, too.
        "--timing-allow-fail",
    ]
    run(part, arguments, folder, f"seed{seed}.log", hear)
    report = json.loads((folder / names["report"]).read_text(encoding="utf-8"))
    return Placed(
        routed=read(report, seed, mhz, (CLOCK,)),
        file=names["routed"],
        available={cell: n["available"] for cell, n in report["utilization"].items()},
    )


def best(placed: list[Placed], design: Design) -> Placed:
    """Return the fastest of *placed*; of several, that of the first seed.

    Raises
    ------
    FlowError
        The fastest is slower than the board's clock.
    """
    fastest = max(placed, key=lambda each: (each.routed.fmax_mhz, -each.routed.seed))
    mhz, fmax_mhz = design.config.clock_hz / 1e6, fastest.routed.fmax_mhz
    if fmax_mhz < mhz:
        path = fastest.routed.path
        raise FlowError(
            f"{design.board.name} must reach {mhz:g} MHz, not {fmax_mhz:.1f} MHz (the best of "
            f"{len(placed)} seed{'s' * (len(placed) != 1)}): try more --seeds, or a lower clock_hz"
            + (f"; the slowest path is {path.words}" if path else "")
        )
    return fastest
