"""Sipeed Tang Nano 9K: https://wiki.sipeed.com/hardware/en/tang/Tang-Nano-9K/Nano-9K.html."""

from amaranth_boards.tang_nano_9k import TangNano9kPlatform

from ..bitstream.board import Board
from ..bitstream.pll import GW1NR_9_PLL
from ..parts import part


class Platform(TangNano9kPlatform):
    """Amaranth's, with the name by which circuits choose primitives."""

    device = TangNano9kPlatform.part


BOARD = Board(
    name="tang_nano_9k",
    title="Sipeed Tang Nano 9K",
    platform=Platform,
    part=part("gw1nr-9c"),
    device="tang_nano_9k",
    link="BL702",
    resources=(8_640, 20, 26),
    loader=("-b", "tangnano9k"),
    pll=GW1NR_9_PLL,
    # Most pins double as those of the two ways to configure it.
    packing=("--sspi_as_gpio", "--mspi_as_gpio"),
)
