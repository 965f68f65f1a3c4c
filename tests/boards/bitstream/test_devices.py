"""The devices of three families, on their boards, for real."""

import json

import pytest

from tilefold_boards.bitstream.build import build
from tilefold_boards.bitstream.catalogue import board
from tilefold_gateware.device import SerialDevice
from tilefold_hw.device import DEVICES, DeviceConfig


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["icebreaker", "tang_nano_9k", "ulx3s_85f"])
def test_the_device_fits_its_board_and_meets_its_clock(name, tmp_path):
    it = board(name)
    built = build(it, DEVICES[it.device], SerialDevice, tmp_path)
    assert DeviceConfig.load(built.config) == DEVICES[it.device]
    told = json.loads(built.report.read_text())
    assert told["timing"]["fmax_mhz"] >= told["timing"]["clock_mhz"]
    # What the table of boards tells is what nextpnr knows of the FPGA.
    cells = told["cells"]
    for kind, names in {
        "luts": ("TRELLIS_COMB", "ICESTORM_LC", "LUT4"),
        "multipliers": ("MULT18X18D", "ICESTORM_DSP", "MULT18X18"),
        "memories": ("DP16KD", "ICESTORM_RAM", "BSRAM"),
    }.items():
        (there,) = (cells[cell]["available"] for cell in names if cell in cells)
        assert told["resources"][kind]["available"] == there
