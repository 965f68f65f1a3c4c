"""The clock of a board: from its oscillator, through a loop where one is needed, and the reset."""

from amaranth.hdl import ClockDomain, Const, Instance, Module, Signal, Value
from amaranth.lib import io, wiring
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import Out

from .pll import Pll

_RESET_SECONDS = 15e-6
"""Block RAM of iCE40 reads as zero for the first 3 µs; five times that, as Amaranth's own does."""


class Clock(wiring.Component):
    """A clock made of the board's default oscillator, and a reset that goes with it.

    The reset ends 15 µs after the clock is stable.

    Parameters
    ----------
    hz : int
        The clock.
    pll : Pll or None
        What makes it of the oscillator's; none if it is the oscillator's.

    Members
    -------
    clk : Out(1)
    rst : Out(1)
    """

    def __init__(self, hz: int, pll: Pll | None):
        self.hz = hz
        self.pll = pll
        super().__init__({"clk": Out(1), "rst": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()

        stable = Signal()
        port = platform.request(platform.default_clk, dir="-")
        if self.pll and self.pll.kind.primitive == "SB_PLL40_PAD":
            # This one sits between the pad and everything else.
            oscillator = port.io
        else:
            m.submodules.oscillator = buffer = io.Buffer("i", port)
            oscillator = buffer.i
        if self.pll is None:
            m.d.comb += [self.clk.eq(oscillator), stable.eq(1)]
        else:
            make = _PRIMITIVES[self.pll.kind.primitive]
            m.submodules.pll = make(self.pll, oscillator, self.clk, stable)

        # The counter starts anew whenever the clock is not stable, and needs no clock to do so.
        m.domains.start = start = ClockDomain(local=True)
        m.d.comb += start.clk.eq(self.clk)
        m.submodules.start = ResetSynchronizer(~stable, domain="start")
        cycles = int(self.hz * _RESET_SECONDS)
        left = Signal(range(cycles + 1), init=cycles)
        with m.If(left == 0):
            m.d.start += self.rst.eq(0)
        with m.Else():
            m.d.start += left.eq(left - 1)

        return m


def _ehxplll(pll: Pll, i: Value, o: Value, locked: Value) -> Instance:
    # The first output feeds the detector, so the dividers are those of `Pll`; the second is ours.
    # The attributes are the currents and the filter that Lattice's own tools choose.
    return Instance(
        "EHXPLLL",
        a_ICP_CURRENT="12",
        a_LPF_RESISTOR="8",
        a_MFG_ENABLE_FILTEROPAMP="1",
        a_MFG_GMCREF_SEL="2",
        p_PLLRST_ENA="DISABLED",
        p_INTFB_WAKE="DISABLED",
        p_STDBY_ENABLE="DISABLED",
        p_DPHASE_SOURCE="DISABLED",
        p_FEEDBK_PATH="CLKOP",
        p_CLKI_DIV=pll.reference,
        p_CLKFB_DIV=1,
        p_OUTDIVIDER_MUXA="DIVA",
        p_CLKOP_ENABLE="ENABLED",
        p_CLKOP_DIV=pll.feedback,
        p_CLKOP_CPHASE=pll.feedback - 1,
        p_CLKOP_FPHASE=0,
        p_OUTDIVIDER_MUXB="DIVB",
        p_CLKOS_ENABLE="ENABLED",
        p_CLKOS_DIV=pll.output,
        p_CLKOS_CPHASE=pll.output - 1,
        p_CLKOS_FPHASE=0,
        i_CLKI=i,
        i_CLKFB=(feedback := Signal(name="feedback")),
        i_RST=Const(0),
        i_STDBY=Const(0),
        i_PHASESEL0=Const(0),
        i_PHASESEL1=Const(0),
        i_PHASEDIR=Const(0),
        i_PHASESTEP=Const(0),
        i_PHASELOADREG=Const(0),
        i_PLLWAKESYNC=Const(0),
        i_ENCLKOP=Const(0),
        i_ENCLKOS=Const(0),
        o_CLKOP=feedback,
        o_CLKOS=o,
        o_LOCK=locked,
    )


_ICE40_FILTERS_MHZ = (17, 26, 44, 66, 101)
"""Clocks of the detector from which on the next filter is used (Project IceStorm, icepll)."""


def _sb_pll40_pad(pll: Pll, i: Value, o: Value, locked: Value) -> Instance:
    passed = sum(pll.detector_hz >= mhz * 10**6 for mhz in _ICE40_FILTERS_MHZ)
    return Instance(
        "SB_PLL40_PAD",
        p_FEEDBACK_PATH="SIMPLE",
        p_DIVR=Const(pll.reference - 1, 4),
        p_DIVF=Const(pll.feedback - 1, 7),
        p_DIVQ=Const(pll.output.bit_length() - 1, 3),
        p_FILTER_RANGE=Const(1 + passed, 3),
        i_PACKAGEPIN=i,
        i_RESETB=Const(1),
        i_BYPASS=Const(0),
        o_PLLOUTGLOBAL=o,
        o_LOCK=locked,
    )


def _rpll(pll: Pll, i: Value, o: Value, locked: Value) -> Instance:
    nothing = ("RESET", "RESET_P", "CLKFB", "FBDSEL", "IDSEL", "ODSEL", "PSDA", "DUTYDA", "FDLY")
    widths = {"FBDSEL": 6, "IDSEL": 6, "ODSEL": 6, "PSDA": 4, "DUTYDA": 4, "FDLY": 4}
    return Instance(
        "rPLL",
        p_FCLKIN=f"{pll.input_hz / 1e6:g}",
        p_IDIV_SEL=pll.reference - 1,
        p_FBDIV_SEL=pll.feedback // pll.output - 1,
        p_ODIV_SEL=pll.output,
        p_CLKFB_SEL="internal",
        i_CLKIN=i,
        **{f"i_{name}": Const(0, widths.get(name, 1)) for name in nothing},
        o_CLKOUT=o,
        o_LOCK=locked,
    )


_PRIMITIVES = {"EHXPLLL": _ehxplll, "SB_PLL40_PAD": _sb_pll40_pad, "rPLL": _rpll}
