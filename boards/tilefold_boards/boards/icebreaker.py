"""1BitSquared iCEBreaker: https://docs.icebreaker-fpga.org/."""

from amaranth_boards.icebreaker import ICEBreakerPlatform

from ..bitstream.board import Board
from ..bitstream.pll import ICE40_PLL
from ..parts import part

BOARD = Board(
    name="icebreaker",
    title="1BitSquared iCEBreaker",
    platform=ICEBreakerPlatform,
    part=part("ice40-up5k"),
    device="icebreaker",
    link="FT2232H",
    resources=(5_280, 8, 30),
    # Its FTDI is wired to the flash as that of Lattice's own boards, and goes by their name.
    loader=("-b", "ice40_generic"),
    pll=ICE40_PLL,
)
