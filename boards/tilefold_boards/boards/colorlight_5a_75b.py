"""Colorlight 5A-75B, revision 7.0: https://github.com/q3k/chubby75."""

from amaranth_boards.colorlight_5a75b_r7_0 import Colorlight_5A75B_R70Platform

from ..bitstream.board import Board
from ..bitstream.pll import ECP5_PLL
from ..parts import ecp5

BOARD = Board(
    name="colorlight_5a_75b",
    title="Colorlight 5A-75B 7.0",
    platform=Colorlight_5A75B_R70Platform,
    part=ecp5("25", "CABGA256"),
    device="ulx3s",
    link="J19",
    resources=(24_288, 28, 56),
    loader=("-b", "colorlight"),
    pll=ECP5_PLL,
    note="a serial adapter of 3.3 V goes to J19, its RX to LED- and its TX to KEY+; "
    "`tilefold program --cable` names the cable on the JTAG pins",
)
