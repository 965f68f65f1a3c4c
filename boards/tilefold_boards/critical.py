"""The critical path of a routed circuit, told in words."""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .harness import INPUT, OUTPUT

# What Yosys and nextpnr hang on the names of a circuit's own signals.
_CELL = re.compile(
    r"_(TRELLIS|LUT|CCU2C|PFUMX|L6MUX|MULT|DP16|SB_|DFF|ALU|MUX2|RAM16|GND|VCC|DO[AB]?\d).*"
)
_PART = re.compile(r"(?<=\w)\$.*")

# Ports of a carry chain.
_CARRIES = ("FCO", "FCI", "COUT", "CIN", "I3_CIN")


@dataclass(frozen=True, slots=True)
class Path:
    """The slowest way from one clock edge to the next."""

    start: str
    end: str
    logic_ns: float
    routing_ns: float
    #: Look-up tables and carries that are passed through.
    levels: int
    #: Signals on the way that have a name of their own.
    via: tuple[str, ...]

    @property
    def words(self) -> str:
        """One sentence."""
        total = self.logic_ns + self.routing_ns
        levels = f"{self.levels} level{'s' * (self.levels != 1)}"
        via = f", via {', '.join(self.via)}" if self.via else ""
        return (
            f"{self.start} to {self.end}: {total:.2f} ns, of it {self.logic_ns:.2f} logic in "
            f"{levels} and {self.routing_ns:.2f} routing{via}"
        )


def critical_path(report: dict[str, Any]) -> Path | None:
    """Return the slowest path between two edges of one clock in nextpnr's *report*, if any."""
    paths = [
        path["path"]
        for path in report["critical_paths"]
        if path["from"] == path["to"] and path["from"] != "<async>" and path["path"]
    ]
    if not paths:
        return None
    steps = max(paths, key=lambda path: sum(step["delay"] for step in path))
    routing = sum(step["delay"] for step in steps if step["type"] == "routing")
    nets = [step["net"] for step in steps if step["type"] == "routing"]
    start = steps[0]["from"]["cell"]
    via = dict.fromkeys(_plain(net) for net in nets[1:] if _is_own(net))
    return Path(
        start=_name(start, nets[0] if nets else start),
        end=_name(steps[-1]["to"]["cell"]),
        logic_ns=sum(step["delay"] for step in steps) - routing,
        routing_ns=routing,
        levels=_levels(steps),
        via=tuple(via),
    )


def _levels(steps: list[dict[str, Any]]) -> int:
    """Count the cells that are passed through; a carry chain counts once."""
    passed = [step for step in steps if step["type"] == "logic"]
    carried = sum(
        before["to"]["port"] in _CARRIES and after["from"]["port"] in _CARRIES
        for before, after in pairwise(passed)
    )
    return len(passed) - carried


def _name(cell: str, net: str = "") -> str:
    """Name a cell by the signal that it holds."""
    for mark, word in ((INPUT, "input"), (OUTPUT, "output")):
        if cell.startswith(mark):
            return f"{word} {re.sub('_(DFF)?LC$', '', cell.removeprefix(mark))}"
    if net and _is_own(net):
        return _plain(net)
    kind = "multiplier" if re.search("MULT|MAC16|DSP", cell) else ""
    kind = kind or ("memory" if re.search("DP16|DPR16|RAM|BSRAM", cell) else "")
    return " ".join(filter(None, (kind, _plain(_PART.sub("", _CELL.sub("", cell))) or cell)))


def _is_own(net: str) -> bool:
    """Whether a net has the name that the circuit gave it."""
    return not _CELL.search(net) and "$" not in net


def _plain(name: str) -> str:
    # Verilog's mark of a name with other signs in it.
    return name.removeprefix("\\")
