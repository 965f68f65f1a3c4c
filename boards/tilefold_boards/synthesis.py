"""Synthesis of a circuit alone: from Amaranth or Verilog to the cells of a family, by Yosys."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilefold_gateware.yosys import to_rtlil

from .parts import Part
from .tools import find

Netlist = dict[str, Any]
"""A module in Yosys's JSON: ``ports``, ``cells`` and ``netnames``."""


@dataclass(frozen=True, slots=True)
class Amaranth:
    """A component that is made when it is synthesised, for the part that it is synthesised for."""

    make: Callable[[], Any]
    clocks: tuple[str, ...] = ("clk",)
    top: str = "core"

    def read(self, part: Part, folder: Path) -> list[str]:
        """Write the circuit into *folder*; return Yosys's arguments that read it."""
        text = to_rtlil(self.make(), self.top, part)
        (folder / "core.il").write_text(text, encoding="utf-8")
        return ["-f", "rtlil", "core.il"]


@dataclass(frozen=True, slots=True)
class Verilog:
    """Verilog of anybody, in files that Yosys can read."""

    files: tuple[Path, ...]
    top: str
    clocks: tuple[str, ...] = ("clk",)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$]*", self.top):
            raise ValueError(f"top must be a Verilog identifier, not {self.top!r}")
        for path in self.files:
            if not path.is_file():
                raise ValueError(f"{path} must be a file of Verilog, but there is none")

    def read(self, part: Part, folder: Path) -> list[str]:
        """Return Yosys's arguments that read the files from *folder*."""
        paths = [Path(os.path.relpath(path, folder)) for path in self.files]
        for path in paths:
            if re.search(r"[\s\"';#]", str(path)):
                raise ValueError(
                    f"path of a Verilog file must have no spaces or quotes, not {path}"
                )
        folders = dict.fromkeys(f"-I{path.parent}" for path in paths)
        return ["-f", " ".join(("verilog -sv", *folders)), *map(str, paths)]


@dataclass(frozen=True, slots=True)
class Rtlil:
    """A circuit that is elaborated already, for the part that it is synthesised for."""

    text: str
    top: str
    clocks: tuple[str, ...] = ("clk",)

    def read(self, part: Part, folder: Path) -> list[str]:
        """Write the circuit into *folder*; return Yosys's arguments that read it."""
        (folder / "core.il").write_text(self.text, encoding="utf-8")
        return ["-f", "rtlil", "core.il"]


Source = Amaranth | Verilog | Rtlil


def synthesise(
    source: Source, part: Part, folder: Path, hear: Callable[[str], None] = lambda line: None
) -> Netlist:
    """Synthesise *source* alone; return its top, in the cells of the family.

    Leaves ``synthesis.log`` in *folder*.

    Raises
    ------
    FlowError
        Yosys can't read it, or misses something.
    """
    yosys = find("yosys")
    arguments = [
        *source.read(part, folder),
        "-p",
        f"{part.family.synthesis} -top {source.top}; write_json core.json",
    ]
    yosys.run(arguments, folder, "synthesis.log", hear)
    design = json.loads((folder / "core.json").read_text(encoding="utf-8"))
    (folder / "core.json").unlink()
    module: Netlist = design["modules"][source.top]
    return module


def to_json(module: Netlist, name: str) -> str:
    """Write a synthesised *module* as the only one of a design, for nextpnr."""
    attributes = module.get("attributes", {}) | {"top": "1".zfill(32)}
    return json.dumps(
        {"creator": "tilefold", "modules": {name: {**module, "attributes": attributes}}}
    )
