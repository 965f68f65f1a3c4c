import re
from dataclasses import replace

import pytest

from tilefold_boards.bitstream.board import STATES
from tilefold_boards.bitstream.catalogue import BOARDS, board
from tilefold_boards.bitstream.design import clocked, design
from tilefold_boards.bitstream.flow import flow
from tilefold_hw.device import DEVICES

EVERY = pytest.mark.parametrize("it", BOARDS.values(), ids=list(BOARDS))

# Board: pins of oscillator, of what the FPGA hears, of what it says, by the boards' own documents.
PINS = {
    "ulx3s_12f": ("G2", "M1", "L4"),
    "ulx3s_25f": ("G2", "M1", "L4"),
    "ulx3s_45f": ("G2", "M1", "L4"),
    "ulx3s_85f": ("G2", "M1", "L4"),
    "icebreaker": ("35", "6", "9"),
    "tang_nano_9k": ("52", "18", "17"),
    "colorlight_5a_75b": ("P6", "M13", "P11"),
    "icesugar_pro": ("P6", "A9", "B9"),
    "icepi_zero": ("M1", "K16", "K15"),
    "tang_primer_20k": ("H11", "T13", "M11"),
    "crosslink_nx_evn": ("L13", "F16", "F18"),
}


def test_a_board_that_there_is_not_is_told():
    message = r"^board must be one of ulx3s_12f, .*, crosslink_nx_evn, not 'arty'$"
    with pytest.raises(ValueError, match=message):
        board("arty")


@EVERY
def test_the_data_is_whole(it):
    assert it.name == it.name.lower()
    assert it.title
    assert it.link
    assert it.state in STATES
    assert all(it.resources)
    assert it.loader[0] in ("-b", "-c")
    # By it circuits choose primitives.
    assert it.platform().device == it.part.device
    assert DEVICES[it.device]


@EVERY
def test_the_device_has_a_clock_that_the_board_makes_exactly(it):
    config, pll = clocked(it, DEVICES[it.device])
    assert config == DEVICES[it.device]
    assert (pll is None) == (config.clock_hz == it.oscillator_hz)


@EVERY
def test_every_pin_is_where_the_board_has_it(it, echo):
    made = design(it, DEVICES[it.device], echo)
    top = made.text[made.text.index("module \\top\n") :]
    ports = re.findall(r"^  wire width 1 (?:input|output|inout) \d+ +\\(\S+)", top, re.M)
    ports = [name for name in ports if name.endswith("__io")]
    patterns = {
        "lpf": r'LOCATE COMP "(\S+)" SITE "(\S+)";',
        "pcf": r"set_io (\S+) (\S+)",
        "cst": r'IO_LOC "(\S+)" (\S+);',
        "pdc": r"ldc_set_location -site \{(\S+)\} \[get_ports (\S+)\]",
    }
    suffix = flow(it.part.family).constraints
    found = re.findall(patterns[suffix], made.constraints)
    pins = {b: a for a, b in found} if suffix == "pdc" else dict(found)
    assert set(pins) == set(ports)
    assert len(pins) == 3
    clock, rx, tx = PINS[it.name]
    for part, pin in (("clk", clock), ("rx", rx), ("tx", tx)):
        (port,) = (name for name in pins if part in name)
        assert pins[port] == pin


@EVERY
def test_the_oscillator_s_clock_is_told_where_it_is_derived_from(it, echo):
    made = design(it, DEVICES[it.device], echo)
    mhz = it.oscillator_hz / 1e6
    told = {
        "lpf": f'FREQUENCY PORT "clk{mhz:g}_0__io" {it.oscillator_hz}.0 HZ;',
        "pcf": f"set_frequency clk{mhz:g}_0__io {mhz}",
        "pdc": f'create_clock -name "clk{mhz:g}_0__io" -period {1e3 / mhz}',
    }
    how = flow(it.part.family)
    assert how.derives == (how.constraints in told)
    assert told.get(how.constraints, "") in made.constraints


@pytest.mark.parametrize(
    ("name", "clock_hz", "primitive", "parameters"),
    [
        ("ulx3s_85f", 60_000_000, "EHXPLLL", {"CLKI_DIV": 1, "CLKOP_DIV": 24, "CLKOS_DIV": 10}),
        ("icebreaker", 24_000_000, "SB_PLL40_PAD", {"DIVR": 0, "DIVF": 63, "DIVQ": 5}),
        ("tang_nano_9k", 54_000_000, "rPLL", {"IDIV_SEL": 0, "FBDIV_SEL": 1, "ODIV_SEL": 8}),
    ],
)
def test_the_loop_is_what_was_found(name, clock_hz, primitive, parameters, echo):
    it = board(name)
    text = design(it, replace(DEVICES[it.device], clock_hz=clock_hz), echo).text
    (cell,) = re.findall(rf"cell \\{primitive} .*?end\n", text, re.S)
    for parameter, value in parameters.items():
        (found,) = re.findall(rf"parameter (?:signed )?\\{parameter} (\S+)", cell)
        assert (int(found.split("'")[1], 2) if "'" in found else int(found)) == value


def test_a_clock_that_is_near_is_told_as_it_is():
    it = board("icebreaker")
    config, pll = clocked(it, replace(DEVICES[it.device], clock_hz=20_000_000, baud=1_000_000))
    assert (config.clock_hz, config.divisor) == (19_875_000, 20)
    assert pll.hz == 19_875_000


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (
            "crosslink_nx_evn",
            {"clock_hz": 48_000_000},
            r"^clock_hz must be 12000000 on crosslink_nx_evn, which has no PLL here, not 48000000$",
        ),
        (
            "ulx3s_85f",
            {"clock_hz": 250_000_000},
            r"^clock_hz must be at most 225000000 on ulx3s_85f, not 250000000: multipliers and "
            r"block memories bear no more$",
        ),
        (
            "icebreaker",
            {"clock_hz": 5_000_000, "baud": 1_000_000},
            r"^clock_hz must be within 1 % of what SB_PLL40_PAD makes of 12000000 Hz, from 16 to "
            r"275 MHz, not 5000000$",
        ),
    ],
)
def test_a_clock_that_the_board_can_t_have_is_refused(name, changes, message):
    it = board(name)
    with pytest.raises(ValueError, match=message):
        clocked(it, replace(DEVICES[it.device], **changes))


def test_the_link_s_rate_is_checked_on_the_clock_that_there_is():
    it = board("icebreaker")
    near = replace(DEVICES[it.device], clock_hz=16_665_000, baud=1_000_000)  # 17 cycles would do
    with pytest.raises(ValueError, match=r"^baud must be within 2 % of a divisor of 16500000 Hz"):
        clocked(it, near)
