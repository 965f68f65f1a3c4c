"""What a board is: data, from which its bitstream is made."""

from dataclasses import dataclass

from amaranth.build import Platform

from ..parts import Part
from .pll import Kind

STATES = {
    "builds": "its device was placed and routed, and met its clock",
    "experimental": "the same, with young tools, and on the oscillator's clock alone",
}
"""How far a board has come. None was tried on hardware."""


@dataclass(frozen=True, slots=True)
class Board:
    """A board that a device is built for."""

    name: str
    title: str
    #: Pins and oscillator, for Amaranth. It has a ``uart`` 0, and a ``device``, by which circuits
    #: choose primitives.
    platform: type[Platform]
    part: Part
    #: Name in :data:`tilefold_hw.device.DEVICES` of what is built, unless told otherwise.
    device: str
    #: What carries the serial link to the host, in a few words.
    link: str
    #: Look-up tables, 18 × 18 multipliers and block memories that there are.
    resources: tuple[int, int, int]
    #: Options of openFPGALoader that choose the board.
    loader: tuple[str, ...]
    #: None: the device runs on the oscillator's clock.
    pll: Kind | None = None
    #: Options of the packer.
    packing: tuple[str, ...] = ()
    #: What one must know to connect it.
    note: str = ""
    #: How far it has come: one of :data:`STATES`.
    state: str = "builds"

    @property
    def oscillator_hz(self) -> int:
        """Clock of the oscillator."""
        return int(self.platform().default_clk_frequency)
