"""All boards, by name."""

from ..boards import (
    colorlight_5a_75b,
    crosslink_nx_evn,
    icebreaker,
    icepi_zero,
    icesugar_pro,
    tang_nano_9k,
    tang_primer_20k,
    ulx3s,
)
from .board import Board

BOARDS = {
    board.name: board
    for board in (
        *ulx3s.BOARDS,
        icebreaker.BOARD,
        tang_nano_9k.BOARD,
        colorlight_5a_75b.BOARD,
        icesugar_pro.BOARD,
        icepi_zero.BOARD,
        tang_primer_20k.BOARD,
        crosslink_nx_evn.BOARD,
    )
}
"""Boards by name."""


def board(name: str) -> Board:
    """Return the board called *name*."""
    if name not in BOARDS:
        raise ValueError(f"board must be one of {', '.join(BOARDS)}, not {name!r}")
    return BOARDS[name]
