from fractions import Fraction

import pytest

from tilefold_boards.bitstream.pll import (
    ECP5_PLL,
    GW1NR_9_PLL,
    GW2A_18_PLL,
    ICE40_PLL,
    OFF_MOST,
    Pll,
    nearest,
)

# Kind, with the clocks of oscillators on boards.
INPUTS = [
    (ECP5_PLL, 25_000_000),
    (ECP5_PLL, 50_000_000),
    (ICE40_PLL, 12_000_000),
    (GW1NR_9_PLL, 27_000_000),
    (GW2A_18_PLL, 27_000_000),
]


@pytest.mark.parametrize(("kind", "input_hz"), INPUTS)
def test_every_clock_is_near_and_within_the_makers_limits_or_refused(kind, input_hz):
    low, high = (int(mhz * 1e6) for mhz in kind.hz_mhz)
    made = 0
    for hz in range(low, high + 1, 2_733_333):
        try:
            pll = nearest(kind, input_hz, hz)
        except ValueError:
            continue
        made += 1
        assert pll.allowed
        assert abs(pll.hz - hz) <= hz * OFF_MOST
        assert pll.reference in kind.references
        assert pll.output in kind.outputs
        assert pll.feedback // (pll.output if kind.behind else 1) in kind.feedbacks
        assert pll.hz == Fraction(input_hz * pll.feedback, pll.reference * pll.output)
    assert made > 90


def test_none_is_nearer():
    kind, input_hz = ICE40_PLL, 12_000_000
    every = [
        Pll(kind, input_hz, reference, feedback, output)
        for reference in kind.references
        for output in kind.outputs
        for feedback in kind.feedbacks
    ]
    allowed = [pll.hz for pll in every if pll.allowed]
    for hz in range(16_000_000, 60_000_000, 1_234_567):
        assert abs(nearest(kind, input_hz, hz).hz - hz) == min(abs(each - hz) for each in allowed)


@pytest.mark.parametrize(
    ("hz", "divr", "divf", "divq"),
    # As icepll tells for 12 MHz.
    [
        (24_000_000, 0, 63, 5),
        (18_000_000, 0, 47, 5),
        (30_000_000, 0, 79, 5),
        (48_000_000, 0, 63, 4),
        (25_500_000, 0, 67, 5),
        (20_000_000, 0, 52, 5),
    ],
)
def test_ice40_is_what_icepll_tells(hz, divr, divf, divq):
    pll = nearest(ICE40_PLL, 12_000_000, hz)
    assert (pll.reference - 1, pll.feedback - 1, pll.output) == (divr, divf, 2**divq)


@pytest.mark.parametrize(
    ("hz", "idiv", "fbdiv", "odiv"),
    # As gowin_pll tells for 27 MHz, but for the oscillator, which it has slower or faster.
    [(54_000_000, 0, 1, 8), (40_500_000, 1, 2, 16), (108_000_000, 0, 3, 4)],
)
def test_gowin_is_what_gowin_pll_tells(hz, idiv, fbdiv, odiv):
    pll = nearest(GW1NR_9_PLL, 27_000_000, hz)
    assert (pll.reference - 1, pll.feedback // pll.output - 1, pll.output) == (idiv, fbdiv, odiv)
    assert pll.hz == hz


@pytest.mark.parametrize("hz", [50_000_000, 60_000_000, 62_500_000, 100_000_000])
def test_ecp5_makes_exactly_what_ecppll_makes(hz):
    assert nearest(ECP5_PLL, 25_000_000, hz).hz == hz


def test_the_fastest_detector_is_chosen():
    # 5 MHz would do as well, and is below the limit; 12.5 MHz would do.
    assert nearest(ECP5_PLL, 25_000_000, 60_000_000).detector_hz == 25_000_000


@pytest.mark.parametrize(
    ("kind", "input_hz", "hz", "message"),
    [
        (
            ICE40_PLL,
            12_000_000,
            15_000_000,
            r"^clock_hz must be within 1 % of what SB_PLL40_PAD makes of 12000000 Hz, from 16 to "
            r"275 MHz, not 15000000$",
        ),
        (
            ECP5_PLL,
            25_000_000,
            405_000_000,
            r"^clock_hz must be within 1 % of what EHXPLLL makes of 25000000 Hz, from 3.125 to "
            r"400 MHz, not 405000000$",
        ),
    ],
)
def test_a_clock_that_can_t_be_made_is_refused(kind, input_hz, hz, message):
    with pytest.raises(ValueError, match=message):
        nearest(kind, input_hz, hz)
