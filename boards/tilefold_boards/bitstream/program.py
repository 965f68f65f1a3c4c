"""Programming: putting a bitstream on its board, by openFPGALoader."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from .board import Board
from .build import paths
from .catalogue import BOARDS, board
from .report import FORMAT

LOADER = "openFPGALoader"

INSTALL = (
    "install it with `apt install openfpgaloader`, `brew install openfpgaloader` or "
    "`pacman -S openfpgaloader`, or put an oss-cad-suite on PATH"
)


class ProgramError(ValueError):
    """A board could not be programmed, for a reason that one line tells."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A bitstream, and the board that it is for."""

    board: Board
    bitstream: Path


def ready(what: str) -> Ready:
    """Find the bitstream that *what* names: a board, built into its default folder, or a file.

    Raises
    ------
    ValueError
        There is no such bitstream, or no report beside it, or it is another than the report's.
    """
    if what in BOARDS:
        found = paths(board(what), default_folder(what))
        if not found.report.is_file():
            raise ProgramError(f"{what} must be built first: tilefold build {what}")
        report = found.report
    else:
        if not Path(what).is_file():
            raise ProgramError(
                f"bitstream must be a file or one of {', '.join(BOARDS)}, not {what!r}"
            )
        report = Path(what).with_suffix(".json")
        if not report.is_file():
            raise ProgramError(
                f"{what} must have its report beside it, which names the board: "
                f"there is no {report}"
            )
    told = _told(report)
    bitstream = report.with_name(told["bitstream"]["file"])
    if what not in BOARDS and Path(what).name != bitstream.name:
        raise ProgramError(f"{what} must be the bitstream of {report}, which is {bitstream.name}")
    if not bitstream.is_file() or _digest(bitstream) != told["bitstream"]["sha256"]:
        raise ProgramError(
            f"{bitstream} must be what {report} tells of; build it again: "
            f"tilefold build {told['board']}"
        )
    return Ready(board(told["board"]), bitstream)


def default_folder(name: str) -> Path:
    """Return where the board *name* is built, unless told otherwise."""
    return Path("build/boards") / name


def command(what: Ready, *, flash: bool = False, cable: str | None = None) -> list[str]:
    """Return the program that puts *what* on its board, and its arguments.

    Raises
    ------
    ProgramError
        openFPGALoader is not there. Says what to install.
    """
    if (program := shutil.which(LOADER)) is None:
        raise ProgramError(f"{LOADER} is not installed: {INSTALL}")
    options: Sequence[str] = (*what.board.loader, *(("-c", cable) if cable else ()))
    return [program, *options, *(("-f",) if flash else ()), str(what.bitstream)]


def program(arguments: Sequence[str]) -> None:
    """Run *arguments*, from :func:`command`; what it says goes where ours goes.

    Raises
    ------
    ProgramError
        It failed.
    """
    status = subprocess.run(arguments, check=False).returncode
    if status:
        raise ProgramError(
            f"{LOADER} failed with status {status}: is the board connected, and may you open it? "
            f"`tilefold doctor` looks"
        )


def _told(report: Path) -> dict[str, Any]:
    try:
        told = json.loads(report.read_text(encoding="utf-8"))
    except ValueError:
        told = None
    if not isinstance(told, dict) or told.get("format") != FORMAT or told["board"] not in BOARDS:
        raise ProgramError(f"{report} must be the report of a build, of format {FORMAT}")
    return told


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
