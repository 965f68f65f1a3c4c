"""The table: how many bits each coefficient of a tile gets, and what they are worth."""

from collections.abc import Iterable
from dataclasses import dataclass

from .config import FIELD_WIDTH_MAX, CodecConfig
from .transform import scan


@dataclass(frozen=True, slots=True)
class Table:
    """Width and shift of every coefficient of a tile, in scan order.

    A coefficient is rounded right by its shift and saturated to its width. Width 0 drops it. A
    pruning mask (Vogel et al. 2019) is the table with widths 0 and *w*; a JPEG quantiser with
    power-of-two steps is the table with unequal shifts.
    """

    #: Bits that are stored, 0 to 16.
    widths: tuple[int, ...]
    #: Bits that are rounded away before.
    shifts: tuple[int, ...]

    @property
    def bits(self) -> int:
        """Stored bits of a tile, whatever its content."""
        return sum(self.widths)

    def check(self, config: CodecConfig) -> None:
        """Raise ``ValueError`` unless the hardware of *config* can hold the table."""
        for name, values in (("widths", self.widths), ("shifts", self.shifts)):
            if len(values) != config.pixels:
                raise ValueError(
                    f"{name} must have {config.pixels} entries "
                    f"({config.tile} × {config.tile}), not {len(values)}"
                )
        for n, (u, v) in enumerate(scan(config.tile)):
            limits = (
                ("width", self.widths[n], FIELD_WIDTH_MAX),
                ("shift", self.shifts[n], config.shift_max),
            )
            for name, value, high in limits:
                if not 0 <= value <= high:
                    raise ValueError(
                        f"{name} of coefficient ({u}, {v}) must be 0 to {high}, not {value}"
                    )


def uniform(n: int, width: int, shift: int) -> Table:
    """Table of an *n* × *n* tile that treats every coefficient alike."""
    return Table((width,) * n**2, (shift,) * n**2)


def masked(n: int, keep: Iterable[tuple[int, int]], width: int, shift: int) -> Table:
    """Table that stores the coefficients ``(u, v)`` of *keep* with *width* bits and drops the rest.

    Source: Vogel et al. 2019, the pruning mask.
    """
    kept = set(keep)
    widths = tuple(width if place in kept else 0 for place in scan(n))
    return Table(widths, (shift,) * n**2)


def triangle(n: int, count: int) -> list[tuple[int, int]]:
    """First *count* coefficients ``(u, v)`` in order of u + v, then u.

    Source: Vogel et al. 2019, the direct mask.
    """
    return sorted(scan(n), key=lambda place: (sum(place), place[0]))[:count]
