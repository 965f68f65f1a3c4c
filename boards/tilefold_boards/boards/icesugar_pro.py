"""Muse Lab iCESugar-Pro: https://github.com/wuxx/icesugar-pro."""

from amaranth_boards.icesugar_pro import ICESugarProPlatform

from ..bitstream.board import Board
from ..bitstream.pll import ECP5_PLL
from ..parts import ecp5

BOARD = Board(
    name="icesugar_pro",
    title="Muse Lab iCESugar-Pro",
    platform=ICESugarProPlatform,
    part=ecp5("25", "CABGA256"),
    device="icesugar_pro",
    link="iCELink",
    resources=(24_288, 28, 56),
    loader=("-c", "cmsisdap"),
    pll=ECP5_PLL,
)
