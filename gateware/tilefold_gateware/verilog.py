"""Verilog of a component: one module, readable, for simulators and for other people's designs."""

import re
from pathlib import Path
from typing import Any

from . import yosys

# A round of what `opt` goes on with until nothing changes: further rounds find next to nothing in
# what Amaranth writes, and take most of the time. Not `-full`: that merges bits into vectors, and
# one that feeds a part of itself is a loop to simulators, which evaluate it again and again.
_PASSES = (
    "proc -norom",
    "flatten",
    # Else opt_dff may stumble over the initial value of a bit that is constant.
    "opt_clean",
    "opt_expr -mux_undef -undriven -mux_bool",
    "opt_merge",
    "opt_muxtree",
    "opt_reduce",
    "opt_merge",
    "opt_dff",
    "opt_clean -purge",
)


def to_verilog(component: Any, name: str, *, asic: bool = False, platform: Any = None) -> str:
    """Return *component* as the Verilog module *name*.

    Its ports are the members of its signature, ``i.payload`` as ``i__payload``, and ``clk`` and
    ``rst``.

    Parameters
    ----------
    component : wiring.Component
    name : str
        A Verilog identifier.
    asic : bool
        Leave out the initial values of registers: there, only the reset sets them.
    platform : Any
        What every ``elaborate`` is given. Its ``device`` decides on primitives; without one, the
        Verilog is free of them.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"name must be a Verilog identifier, not {name!r}")
    passes = [*_PASSES, "attrmap -remove init"] if asic else _PASSES
    netlist = yosys.to_rtlil(component, name, platform)
    return yosys.translate(netlist, *passes, "write_verilog -noattr")


def write_verilog(
    component: Any, name: str, path: str | Path, *, asic: bool = False, platform: Any = None
) -> Path:
    """Write :func:`to_verilog` to *path*, and return that."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = to_verilog(component, name, asic=asic, platform=platform)
    path.write_text(text, encoding="utf-8")
    return path
