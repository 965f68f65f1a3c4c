"""Phase-locked loops, as numbers: which clocks they make of an oscillator's, and how.

A loop divides its input by *reference*, multiplies that by *feedback* and divides it by *output*:

    detector = input / reference    oscillator = detector · feedback    hz = oscillator / output
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

OFF_MOST = Fraction(1, 100)
"""Part by which a clock may be off what was asked for. The device is told what really comes out."""

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of loop, with the limits of its maker. All clocks in megahertz, both ends allowed."""

    primitive: str
    input_mhz: Span
    detector_mhz: Span
    oscillator_mhz: Span
    hz_mhz: Span
    references: range
    feedbacks: range
    outputs: tuple[int, ...]
    #: The feedback is taken behind the output's divider: *feedback* is a multiple of *output*,
    #: and *feedbacks* are the multiples.
    behind: bool = False


ECP5_PLL = Kind(
    primitive="EHXPLLL",
    # Lattice, ECP5 and ECP5-5G Family Data Sheet (FPGA-DS-02012), sysCLOCK PLL Timing.
    input_mhz=(8, 400),
    detector_mhz=(10, 400),
    oscillator_mhz=(400, 800),
    hz_mhz=(3.125, 400),
    references=range(1, 129),
    feedbacks=range(1, 129),
    outputs=tuple(range(1, 129)),
)

ICE40_PLL = Kind(
    primitive="SB_PLL40_PAD",
    # Lattice, iCE40 UltraPlus Family Data Sheet (FPGA-DS-02008), sysCLOCK PLL Timing.
    input_mhz=(10, 133),
    detector_mhz=(10, 133),
    oscillator_mhz=(533, 1066),
    hz_mhz=(16, 275),
    references=range(1, 17),
    # With simple feedback as many as DIVF has room for (Project IceStorm, icepll).
    feedbacks=range(1, 129),
    outputs=(2, 4, 8, 16, 32, 64),
)

_GOWIN_OUTPUTS = (2, 4, 8, *range(16, 129, 16))

GW1NR_9_PLL = Kind(
    primitive="rPLL",
    # Gowin, GW1NR series Data Sheet (DS117), speed C6/I5.
    input_mhz=(3, 400),
    detector_mhz=(3, 400),
    oscillator_mhz=(400, 1200),
    hz_mhz=(3.125, 600),
    references=range(1, 65),
    feedbacks=range(1, 65),
    outputs=_GOWIN_OUTPUTS,
    behind=True,
)

GW2A_18_PLL = Kind(
    primitive="rPLL",
    # Gowin, GW2A series Data Sheet (DS102), speed C8/I7.
    input_mhz=(3, 500),
    detector_mhz=(3, 500),
    oscillator_mhz=(500, 1250),
    hz_mhz=(3.90625, 625),
    references=range(1, 65),
    feedbacks=range(1, 65),
    outputs=_GOWIN_OUTPUTS,
    behind=True,
)


@dataclass(frozen=True, slots=True)
class Pll:
    """A loop with its dividers."""

    kind: Kind
    input_hz: int
    reference: int
    feedback: int
    output: int

    @property
    def detector_hz(self) -> Fraction:
        """Clock at the phase detector."""
        return Fraction(self.input_hz, self.reference)

    @property
    def oscillator_hz(self) -> Fraction:
        """Clock of the loop's own oscillator."""
        return self.detector_hz * self.feedback

    @property
    def hz(self) -> Fraction:
        """The clock that comes out."""
        return self.oscillator_hz / self.output

    @property
    def allowed(self) -> bool:
        """Whether all clocks are within the maker's limits."""
        kind = self.kind
        return all(
            low * 10**6 <= hz <= high * 10**6
            for hz, (low, high) in (
                (self.input_hz, kind.input_mhz),
                (self.detector_hz, kind.detector_mhz),
                (self.oscillator_hz, kind.oscillator_mhz),
                (self.hz, kind.hz_mhz),
            )
        )


def nearest(kind: Kind, input_hz: int, hz: int) -> Pll:
    """Return the loop whose clock is nearest to *hz*.

    Of several, the one with the fastest phase detector, which has the least jitter; of those, the
    one with the slowest oscillator, which takes the least power.

    Raises
    ------
    ValueError
        None is within :data:`OFF_MOST`.
    """
    found = min(
        filter(lambda pll: pll.allowed, _loops(kind, input_hz, hz)),
        key=lambda pll: (abs(pll.hz - hz), -pll.detector_hz, pll.oscillator_hz),
        default=None,
    )
    if found is None or abs(found.hz - hz) > hz * OFF_MOST:
        low, high = kind.hz_mhz
        raise ValueError(
            f"clock_hz must be within {float(100 * OFF_MOST):g} % of what {kind.primitive} makes "
            f"of {input_hz} Hz, from {low:g} to {high:g} MHz, not {hz}"
        )
    return found


def _loops(kind: Kind, input_hz: int, hz: int) -> Iterator[Pll]:
    """All pairs of reference and output, each with the two feedbacks around *hz*."""
    for reference in kind.references:
        for output in kind.outputs:
            step = output if kind.behind else 1
            below = hz * reference * output // (input_hz * step)
            for feedback in (below, below + 1):
                if feedback in kind.feedbacks:
                    yield Pll(kind, input_hz, reference, feedback * step, output)
