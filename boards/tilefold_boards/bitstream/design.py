"""A design: a component on a board, ready for synthesis, with its pins and its true clock."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tilefold_hw.device import DeviceConfig

from .board import Board
from .clock import Clock
from .flow import flow
from .pll import Pll, nearest
from .top import Top

TOP = "top"
"""Name of the top. gowin_pack knows no other."""

Make = Callable[[DeviceConfig], Any]
"""Makes a component with ``rx`` and ``tx``."""


@dataclass(frozen=True, slots=True)
class Design:
    """A board's top, elaborated."""

    board: Board
    #: With the clock that there really is.
    config: DeviceConfig
    pll: Pll | None
    #: In Yosys's RTLIL.
    text: str
    #: For the family's nextpnr: where the pins are, and the oscillator's clock.
    constraints: str


def clocked(board: Board, config: DeviceConfig) -> tuple[DeviceConfig, Pll | None]:
    """Return *config* with the clock that *board* can really make, and the loop that makes it.

    Raises
    ------
    ValueError
        The board makes no clock that is near enough, or the link's rate can't be made of it.
    """
    oscillator_hz = board.oscillator_hz
    if config.clock_hz == oscillator_hz:
        return config, None
    if board.pll is None:
        raise ValueError(
            f"clock_hz must be {oscillator_hz} on {board.name}, which has no PLL here, "
            f"not {config.clock_hz}"
        )
    pll = nearest(board.pll, oscillator_hz, config.clock_hz)
    if (cap := board.part.family.cap_mhz) and pll.hz > cap * 10**6:
        raise ValueError(
            f"clock_hz must be at most {cap * 10**6:.0f} on {board.name}, not {config.clock_hz}: "
            f"multipliers and block memories bear no more"
        )
    return replace(config, clock_hz=round(pll.hz)), pll


def design(board: Board, config: DeviceConfig, make: Make) -> Design:
    """Elaborate what *make* makes of *config*, on *board*.

    Raises
    ------
    ValueError
        As :func:`clocked` does.
    """
    config, pll = clocked(board, config)
    platform = board.platform()
    # No tool is looked for here: the platform only says what it would have told them.
    plan = platform.prepare(Top(make(config), Clock(config.clock_hz, pll)), TOP, emit_src=False)
    return Design(
        board=board,
        config=config,
        pll=pll,
        text=plan.files[f"{TOP}.il"],
        constraints=plan.files[f"{TOP}.{flow(board.part.family).constraints}"],
    )
