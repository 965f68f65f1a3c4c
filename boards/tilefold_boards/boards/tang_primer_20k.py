"""Sipeed Tang Primer 20K: https://wiki.sipeed.com/hardware/en/tang/tang-primer-20k/primer-20k.html."""

from amaranth_boards.tang_primer_20k import TangPrimer20kPlatform

from ..bitstream.board import Board
from ..bitstream.pll import GW2A_18_PLL
from ..parts import GOWIN, Part


class Platform(TangPrimer20kPlatform):
    """Amaranth's, with the name by which circuits choose primitives."""

    device = TangPrimer20kPlatform.part


BOARD = Board(
    name="tang_primer_20k",
    title="Sipeed Tang Primer 20K",
    platform=Platform,
    part=Part(
        name="gw2a-18c",
        device=Platform.device,
        family=GOWIN,
        options=("--device", Platform.device, "--vopt", "family=GW2A-18C"),
        freq_mhz=50.0,
        title="Gowin GW2A-18C, PG256, C8/I7",
    ),
    device="tang_primer_20k",
    link="BL702",
    resources=(20_736, 48, 46),
    loader=("-b", "tangprimer20k"),
    pll=GW2A_18_PLL,
    note="USB is that of the dock; the lite dock has none",
    # Most pins double as those of the two ways to configure it.
    packing=("--sspi_as_gpio", "--mspi_as_gpio"),
)
