"""A component as machine code: Amaranth to CXXRTL's C++ to a shared object, kept for next time."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from tilefold_gateware import yosys

FOLDER = Path("build", "sim")
"""Where simulations are kept unless told otherwise, below the current folder."""

_DRIVER = Path(__file__).with_name("driver.cc")

# A netlist of one module, with as little to evaluate as is found quickly.
_PASSES = (
    "proc",
    "flatten",
    "opt_expr",
    "opt_merge",
    "opt_muxtree",
    "opt_reduce",
    "opt_clean",
    "write_cxxrtl -O6 -g0",
)

# -O3 compiles for longer, and what it makes is no faster.
_FLAGS = ("-std=c++17", "-O2", "-DNDEBUG", "-fPIC", "-shared", "-w")


def build(component: Any, ports: list[str], folder: str | Path = FOLDER) -> Path:
    """Compile *component*, or find it compiled before in *folder*; return the shared object.

    Parameters
    ----------
    component : wiring.Component
        Clocked by one domain, ``sync``.
    ports : list of str
        Its ports, in the order in which the driver numbers them.
    folder : path
        Where shared objects are kept. Their names tell what they were made from, so they are never
        out of date; processes that build the same one at the same time do not disturb each other.

    Raises
    ------
    FileNotFoundError
        If there is no C++ compiler.
    ValueError
        If *component* has no clock.
    """
    netlist = yosys.to_rtlil(component)
    chosen = compiler()
    made_from = [netlist, *ports, _DRIVER.read_text(), yosys.version(), *_PASSES, *_FLAGS]
    made_from += [chosen, compiler_version(chosen)]
    digest = hashlib.sha256("\0".join(made_from).encode()).hexdigest()
    path = Path(folder).absolute() / f"{type(component).__name__.lower()}-{digest[:20]}.so"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside its place, so that moving it there is one step: nobody loads half of it.
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".build-") as place:
            made = _compile(netlist, ports, chosen, Path(place))
            os.replace(made, path)
    return path


def _compile(netlist: str, ports: list[str], chosen: str, folder: Path) -> Path:
    """Translate and compile a netlist in *folder*; return the shared object."""
    code = yosys.translate(netlist, *_PASSES)
    if "prev_p_clk" not in code:
        raise ValueError("component must be clocked, not combinational alone")
    # CXXRTL's names: "p_", and an underscore becomes two.
    listed = " ".join(f"port({'p_' + port.replace('_', '__')})" for port in ports)
    (folder / "design.cc").write_text(f"{code}\n#define TILEFOLD_PORTS(port) {listed}\n")
    made = folder / "simulation.so"
    command = [chosen, *_FLAGS, f"-I{folder}", f"-I{yosys.headers()}", "-o", str(made)]
    done = subprocess.run([*command, str(_DRIVER)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{chosen} failed:\n{done.stderr}")
    return made


def compiler() -> str:
    """C++ compiler: ``$CXX``, or the first that is found."""
    for name in (os.environ.get("CXX", ""), "g++", "c++", "clang++"):
        if name and shutil.which(name):
            return name
    raise FileNotFoundError("a C++ compiler is needed, such as g++, and none was found")


@cache
def compiler_version(chosen: str) -> str:
    """First line of what a compiler says of itself, and the system."""
    done = subprocess.run([chosen, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.partition("\n")[0] + sys.platform
