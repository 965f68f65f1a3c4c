"""FPGAs that circuits are measured on: one line of data each, and what a family's cells are called.

A part serves as the ``platform`` of Amaranth: circuits look at its ``device`` to decide on
primitives.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FlipFlop:
    """The plainest flip-flop of a family."""

    cell: str
    d: str
    q: str
    clock: str
    #: Parameters, as the family's own synthesis writes them. All are strings.
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """FPGAs that are synthesised alike and placed by one program."""

    name: str
    #: Yosys's command, but for the top.
    synthesis: str
    #: nextpnr, as it is called on ``PATH`` and behind ``yowasp-`` on PyPI.
    router: str
    flip_flop: FlipFlop
    #: What nextpnr's report calls look-up tables, carries and memories of look-up tables; and how
    #: many of the first each takes.
    luts: dict[str, int]
    dsps: tuple[str, ...]
    brams: tuple[str, ...]
    #: Look-up tables that are counted in the synthesised circuit, because the report has others,
    #: too: those that the router sends a lone flip-flop's input through.
    mapped_luts: tuple[str, ...] = ()
    #: A flip-flop and a look-up table are one cell in the report.
    joint: bool = False
    #: Small look-up tables are made large: nextpnr times only those.
    widen: bool = False
    #: What nextpnr wants besides part, netlist, clock and seed.
    options: tuple[str, ...] = ()
    #: Buffers of pins that the router does not add by itself: input, its port out, output.
    pads: bool = False
    #: Fastest clock to claim for what uses a multiplier or a block memory: their own limits, which
    #: nextpnr does not know.
    cap_mhz: float | None = None
    #: What is to know about its figures.
    caveat: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """An FPGA in its package, at a speed grade."""

    name: str
    device: str
    family: Family
    #: nextpnr's options that choose it.
    options: tuple[str, ...]
    #: Clock to aim at, unless told otherwise.
    freq_mhz: float
    title: str
    #: Pins for clocks, scan in and scan out, where the router does not choose them by itself.
    pins: tuple[str, ...] = ()


ECP5 = Family(
    name="ecp5",
    synthesis="synth_ecp5",
    router="nextpnr-ecp5",
    flip_flop=FlipFlop(
        cell="TRELLIS_FF",
        d="DI",
        q="Q",
        clock="CLK",
        parameters={
            "CEMUX": "1",
            "CLKMUX": "CLK",
            "GSR": "DISABLED",
            "LSRMUX": "LSR",
            "REGSET": "RESET",
            "SRMODE": "LSR_OVER_CE",
        },
    ),
    luts={"TRELLIS_COMB": 1},
    dsps=("MULT18X18D",),
    brams=("DP16KD",),
    options=("--lpf-allow-unconstrained",),
    cap_mhz=225.0,
)

ICE40 = Family(
    name="ice40",
    synthesis="synth_ice40 -dsp -device u",
    router="nextpnr-ice40",
    flip_flop=FlipFlop(cell="SB_DFF", d="D", q="Q", clock="C"),
    luts={"ICESTORM_LC": 1},
    joint=True,
    dsps=("ICESTORM_DSP",),
    brams=("ICESTORM_RAM",),
    options=("--pcf-allow-unconstrained",),
)

GOWIN = Family(
    name="gowin",
    synthesis="synth_gowin -noiopads",
    router="nextpnr-himbaechel-gowin",
    flip_flop=FlipFlop(cell="DFF", d="D", q="Q", clock="CLK"),
    luts={"ALU": 1, "RAM16SDP4": 4},
    mapped_luts=("LUT1", "LUT2", "LUT3", "LUT4"),
    widen=True,
    dsps=("MULT18X18", "MULT9X9", "MULTADDALU18X18", "MULTALU18X18"),
    brams=("BSRAM",),
    pads=True,
    caveat="nextpnr's times for Gowin are said to be optimistic, and leave out multipliers and "
    "block memories",
)

NEXUS = Family(
    name="nexus",
    # With carries, nextpnr's legaliser does not end well.
    synthesis="synth_nexus -noccu2",
    router="nextpnr-nexus",
    flip_flop=FlipFlop(cell="FD1P3DX", d="D", q="Q", clock="CK"),
    luts={"OXIDE_COMB": 1},
    dsps=("MULT9_CORE",),
    brams=("OXIDE_EBR",),
)


def ecp5(size: str, package: str) -> Part:
    """Return an ECP5 with *size* thousand look-up tables, as it is told, in *package*."""
    return Part(
        name=f"ecp5-{size}f",
        device=f"LFE5U-{size}F",
        family=ECP5,
        options=(f"--{size}k", "--package", package, "--speed", "6"),
        freq_mhz=200.0,
        title=f"Lattice ECP5 LFE5U-{size}F, speed 6",
    )


PARTS = {
    part.name: part
    for part in (
        ecp5("85", "CABGA756"),
        *(ecp5(size, "CABGA381") for size in ("45", "25", "12")),
        Part(
            name="ice40-up5k",
            device="iCE40UP5K",
            family=ICE40,
            options=("--up5k", "--package", "sg48"),
            freq_mhz=24.0,
            title="Lattice iCE40 UP5K-SG48",
        ),
        Part(
            name="gw1nr-9c",
            device="GW1NR-LV9QN88PC6/I5",
            family=GOWIN,
            options=("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"),
            freq_mhz=50.0,
            title="Gowin GW1NR-9C, QN88P, C6/I5",
            pins=("52", "25", "26", "27", "28", "29"),
        ),
    )
}
"""Parts by name. The first is the one that figures are compared on."""


def part(name: str) -> Part:
    """Return the part called *name*, or whose device is."""
    for each in PARTS.values():
        if name.lower() in (each.name, each.device.lower()):
            return each
    raise ValueError(f"part must be one of {', '.join(PARTS)}, not {name!r}")
