"""Radiona ULX3S: https://radiona.org/ulx3s/."""

from amaranth_boards import ulx3s

from ..bitstream.board import Board
from ..bitstream.pll import ECP5_PLL
from ..parts import ecp5


def _board(size: str, platform: type, resources: tuple[int, int, int]) -> Board:
    return Board(
        name=f"ulx3s_{size}f",
        title=f"Radiona ULX3S {size}F",
        platform=platform,
        part=ecp5(size, "CABGA381"),
        device="ulx3s",
        link="FT231X",
        resources=resources,
        loader=("-b", "ulx3s"),
        pll=ECP5_PLL,
    )


BOARDS = (
    # A 12F has all that a 25F has, and nextpnr uses it.
    _board("12", ulx3s.ULX3S_12F_Platform, (24_288, 28, 56)),
    _board("25", ulx3s.ULX3S_25F_Platform, (24_288, 28, 56)),
    _board("45", ulx3s.ULX3S_45F_Platform, (43_848, 72, 108)),
    _board("85", ulx3s.ULX3S_85F_Platform, (83_640, 156, 208)),
)
