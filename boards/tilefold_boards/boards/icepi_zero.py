"""Icepi Zero, revision 1.3: https://github.com/cheyao/icepi-zero."""

from amaranth_boards.icepi_zero import IcepiZero1_3Platform

from ..bitstream.board import Board
from ..bitstream.pll import ECP5_PLL
from ..parts import ecp5

BOARD = Board(
    name="icepi_zero",
    title="Icepi Zero 1.3",
    platform=IcepiZero1_3Platform,
    part=ecp5("25", "CABGA256"),
    device="ulx3s",
    link="FT231X",
    resources=(24_288, 28, 56),
    loader=("-b", "icepi-zero"),
    pll=ECP5_PLL,
)
