"""Tables of boards and of builds."""

import json
from collections.abc import Iterable
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tilefold_hw.device import DEVICES

from .board import STATES, Board
from .build import Build

_NAMES = {"luts": "LUT", "multipliers": "DSP", "memories": "BRAM"}


def as_dict(board: Board) -> dict[str, Any]:
    """Return what is told of *board*, for JSON."""
    config = DEVICES[board.device]
    return {
        "name": board.name,
        "title": board.title,
        "device": board.part.device,
        "resources": dict(zip(_NAMES, board.resources, strict=True)),
        "oscillator_hz": board.oscillator_hz,
        "clock_hz": config.clock_hz,
        "pll": board.pll.primitive if board.pll else None,
        "link": board.link,
        "baud": config.baud,
        "state": board.state,
        "note": board.note,
    }


def show_boards(boards: Iterable[Board], console: Console) -> None:
    """Print a table of *boards*."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("board", "FPGA"):
        table.add_column(name, no_wrap=True)
    for name in (*_NAMES.values(), "MHz"):
        table.add_column(name, justify="right")
    for name in ("link", "state"):
        table.add_column(name)
    notes = []
    for board in boards:
        told = as_dict(board)
        table.add_row(
            board.name,
            board.part.name,
            *map(str, board.resources),
            f"{told['clock_hz'] / 1e6:g}",
            board.link,
            board.state,
        )
        if board.note:
            notes.append(f"{board.name}: {board.note}")
    console.print(table)
    states = (f"{state}: {meaning}" for state, meaning in STATES.items())
    for line in (*states, "None was tried on hardware: if you have one, tell us.", *notes):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def show_build(built: Build, console: Console) -> None:
    """Print what a build is like, and where it lies."""
    told = json.loads(built.report.read_text(encoding="utf-8"))
    timing = told["timing"]
    used = ", ".join(
        f"{_NAMES[kind]} {n['used']} of {n['available']}" for kind, n in told["resources"].items()
    )
    for line in (
        f"{told['board']}: {told['device']} at {timing['clock_mhz']:g} MHz, which may be up to "
        f"{timing['fmax_mhz']:.1f} MHz (seed {timing['seed']}); {used}",
        f"{built.bitstream}: the bitstream, for `tilefold program {built.bitstream}`",
        f"{built.report}: the report",
        f"{built.config}: the device's configuration, for the host",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
