"""From a netlist to a bitstream, as data: what the families' programs want to be told."""

from dataclasses import dataclass

from ..parts import ECP5, GOWIN, ICE40, NEXUS, Family


@dataclass(frozen=True, slots=True)
class Flow:
    """How the bitstreams of a family are made.

    In options, ``{constraints}``, ``{routed}`` and ``{bitstream}`` stand for names of files, and
    ``{device}`` for what the packer calls the FPGA.
    """

    #: Suffix of Amaranth's file of constraints.
    constraints: str
    #: nextpnr's options.
    route: tuple[str, ...]
    packer: str
    #: The packer's options, but for the board's.
    pack: tuple[str, ...]
    #: Suffix of the bitstream.
    suffix: str
    #: nextpnr derives the clock from the constraint of the oscillator's pin and the dividers of the
    #: loop. Where it doesn't, it must be told, and checks at 12 MHz if it is not.
    derives: bool


_FLOWS = {
    ECP5.name: Flow(
        constraints="lpf",
        route=("--lpf", "{constraints}", "--textcfg", "{routed}"),
        packer="ecppack",
        pack=("--compress", "{routed}", "{bitstream}"),
        suffix="bit",
        derives=True,
    ),
    ICE40.name: Flow(
        constraints="pcf",
        route=("--pcf", "{constraints}", "--asc", "{routed}"),
        packer="icepack",
        pack=("{routed}", "{bitstream}"),
        suffix="bin",
        derives=True,
    ),
    GOWIN.name: Flow(
        constraints="cst",
        route=("--vopt", "cst={constraints}", "--write", "{routed}"),
        packer="gowin_pack",
        pack=("--device", "{device}", "--output", "{bitstream}", "{routed}"),
        suffix="fs",
        derives=False,
    ),
    NEXUS.name: Flow(
        constraints="pdc",
        # The other router finds no way from a clock's pin to its buffer once the rest is there.
        route=("--pdc", "{constraints}", "--fasm", "{routed}", "--router", "router1"),
        packer="prjoxide",
        pack=("pack", "{routed}", "{bitstream}"),
        suffix="bit",
        derives=True,
    ),
}


def flow(family: Family) -> Flow:
    """Return how bitstreams of *family* are made."""
    return _FLOWS[family.name]
