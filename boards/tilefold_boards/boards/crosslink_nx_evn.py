"""Lattice CrossLink-NX Evaluation Board: its user guide, FPGA-EB-02028."""

from amaranth.build import Attrs, Clock, Pins, Resource
from amaranth.vendor import LatticePlatform
from amaranth_boards.resources import UARTResource

from ..bitstream.board import Board
from ..parts import NEXUS, Part

_ATTRS = Attrs(IO_TYPE="LVCMOS33")


class Platform(LatticePlatform):
    """What is used of the board; amaranth-boards does not have it."""

    device = "LIFCL-40"
    package = "BG400"
    speed = "9"
    default_clk = "clk12"
    resources = (
        Resource("clk12", 0, Pins("L13", dir="i"), Clock(12e6), _ATTRS),
        UARTResource(0, rx="F16", tx="F18", attrs=_ATTRS),
    )
    connectors = ()


BOARD = Board(
    name="crosslink_nx_evn",
    title="Lattice CrossLink-NX Evaluation Board",
    platform=Platform,
    part=Part(
        name="lifcl-40",
        device="LIFCL-40",
        family=NEXUS,
        options=("--device", "LIFCL-40-9BG400C"),
        freq_mhz=50.0,
        title="Lattice CrossLink-NX LIFCL-40, speed 9",
    ),
    device="crosslink_nx_evn",
    link="FT2232H",
    resources=(32_256, 56, 84),
    loader=("-b", "crosslinknx_evn"),
    note="the serial link needs the zero-ohm jumpers of section 6.2 of the user guide; there is no "
    "PLL here",
    state="experimental",
)
