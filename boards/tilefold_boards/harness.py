"""The harness: what connects any synthesised circuit to three pins, so that it fits and is timed.

Every input bit comes from a flip-flop of one scan chain, every output bit goes into a flip-flop of
its own. So all paths are between flip-flops, and the harness is primitives only: it adds no look-up
table and changes nothing in the circuit, whose netlist is mapped already.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import count
from typing import Any

from .parts import Part
from .synthesis import Netlist, to_json
from .tools import FlowError

INPUT, OUTPUT = "input:", "output:"
"""What the names of flip-flops begin with that stand for a pin; the bit's name follows."""

_KEEP = {"keep": "1".zfill(32)}


@dataclass(frozen=True, slots=True)
class Counts:
    """What is counted before anything is placed."""

    #: Cells of the circuit alone, by type.
    mapped: dict[str, int]
    #: Flip-flops among them.
    flip_flops: int
    #: Flip-flops of the harness.
    harness_flip_flops: int
    #: Those of them that share a cell with a look-up table of the circuit, where the family has
    #: both in one.
    shared: int


@dataclass(frozen=True, slots=True)
class Harnessed:
    """A circuit in its harness."""

    #: Netlist in Yosys's JSON.
    text: str
    counts: Counts
    #: Names of the pins: clocks, scan in, scan out.
    pins: tuple[str, ...]


def wrap(module: Netlist, part: Part, clocks: tuple[str, ...] = ("clk",)) -> Harnessed:
    """Put a synthesised *module* in its harness. The clocks come straight from pins.

    Raises
    ------
    FlowError
        A clock is not among the inputs, or a port goes both ways.
    """
    ports, cells = module["ports"], dict(module["cells"])
    mapped = Counter(cell["type"] for cell in cells.values())
    if part.family.widen:
        cells = {name: widen(cell) for name, cell in cells.items()}
    inputs = [name for name, port in ports.items() if port["direction"] == "input"]
    for clock in clocks:
        if clock not in inputs:
            raise FlowError(
                f"clock must be an input of the circuit, not {clock!r}; "
                f"its inputs are {', '.join(inputs) or 'none'}"
            )
    for name, port in ports.items():
        if port["direction"] not in ("input", "output"):
            raise FlowError(f"port {name!r} must be an input or an output, not an inout")

    flip_flop = part.family.flip_flop
    fresh = count(1 + _largest(module))
    pins: dict[str, Any] = {}

    def pin(name: str, direction: str, net: int | str) -> None:
        if part.family.pads:
            outside = next(fresh)
            ends = (outside, net) if direction == "input" else (net, outside)
            kind = "IBUF" if direction == "input" else "OBUF"
            cells[f"pad:{name}"] = _cell(kind, {"I": ends[0]}, {"O": ends[1]})
            net = outside
        pins[name] = {"direction": direction, "bits": [net]}

    for name in clocks:
        pin(name, "input", ports[name]["bits"][0])
    clock = ports[clocks[0]]["bits"][0]

    chain = next(fresh)
    pin("scan_in", "input", chain)
    outputs: list[int] = []
    inputs_count = 0
    for name, port in ports.items():
        if name in clocks:
            continue
        for number, net in enumerate(port["bits"]):
            bit = f"{name}[{number}]" if len(port["bits"]) > 1 else name
            if port["direction"] == "input":
                where, d, q = INPUT, chain, net
                chain = net
                inputs_count += 1
            elif isinstance(net, str):
                continue  # A constant takes no time, and some families make it in a look-up table.
            else:
                where, d, q = OUTPUT, net, next(fresh)
                outputs.append(net)
            ends = {flip_flop.d: d, flip_flop.clock: clock}
            cells[where + bit] = _cell(flip_flop.cell, ends, {flip_flop.q: q})
            cells[where + bit]["parameters"] = {
                name: _string(value) for name, value in flip_flop.parameters.items()
            }
    pin("scan_out", "output", chain)

    wrapped = {**module, "ports": pins, "cells": cells}
    counts = Counts(
        mapped=dict(mapped),
        # TRELLIS_FF; SB_DFF and SB_DFFE, SB_DFFSR ...; DFF, DFFE, DFFRE ...
        flip_flops=sum(n for kind, n in mapped.items() if kind.startswith(flip_flop.cell)),
        harness_flip_flops=inputs_count + len(outputs),
        shared=_shared(module, outputs) if part.family.joint else 0,
    )
    return Harnessed(to_json(wrapped, "harness"), counts, tuple(pins))


def _shared(module: Netlist, outputs: list[int]) -> int:
    """Count the outputs that come from a look-up table which nothing else reads.

    nextpnr puts the flip-flop of such an output into the look-up table's own cell.
    """
    tables = set()
    readers: dict[int | str, int] = {}
    for cell in module["cells"].values():
        for port, nets in cell["connections"].items():
            for net in nets:
                if cell["port_directions"][port] == "input":
                    readers[net] = readers.get(net, 0) + 1
                elif cell["type"] == "SB_LUT4":
                    tables.add(net)
    return sum(
        net in tables and readers.get(net, 0) == 0 and outputs.count(net) == 1 for net in outputs
    )


def widen(cell: dict[str, Any]) -> dict[str, Any]:
    """Make a look-up table of one to three inputs one of four, of which it heeds as many."""
    if cell["type"] not in ("LUT1", "LUT2", "LUT3"):
        return cell
    inputs = int(cell["type"][-1])
    more = [f"I{number}" for number in range(inputs, 4)]
    return {
        **cell,
        "type": "LUT4",
        "parameters": {"INIT": cell["parameters"]["INIT"] * (1 << len(more))},
        "port_directions": cell["port_directions"] | dict.fromkeys(more, "input"),
        "connections": cell["connections"] | {port: ["0"] for port in more},
    }


def _largest(module: Netlist) -> int:
    """Largest number of a net."""
    nets = [net for named in module["netnames"].values() for net in named["bits"]]
    for cell in module["cells"].values():
        for ends in cell["connections"].values():
            nets += ends
    return max((net for net in nets if isinstance(net, int)), default=1)


def _cell(kind: str, inputs: dict[str, int | str], outputs: dict[str, int | str]) -> dict[str, Any]:
    return {
        "type": kind,
        "parameters": {},
        # Without it, a flip-flop that nobody reads might be dropped.
        "attributes": _KEEP,
        "port_directions": dict.fromkeys(inputs, "input") | dict.fromkeys(outputs, "output"),
        "connections": {name: [net] for name, net in (inputs | outputs).items()},
    }


def _string(value: str) -> str:
    """Write a string so that Yosys's JSON does not take it for a number in binary."""
    return f"{value} " if set(value) <= set("01xz ") else value
