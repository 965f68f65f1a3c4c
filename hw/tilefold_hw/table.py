"""The table: how many bits each coefficient of a tile gets, and what they are worth."""

from collections.abc import Iterable
from dataclasses import dataclass

from .check import require, require_each
from .config import CodecConfig
from .transform import scan


@dataclass(frozen=True, slots=True)
class Table:
    """Width and shift of every coefficient of a tile, in scan order.

    A coefficient is rounded right by its shift and saturated to its width. Width 0 drops it. A
    pruning mask (Vogel et al. 2019) is the table with widths 0 and *w*; a JPEG quantiser with
    power-of-two steps is the table with unequal shifts.
    """

    #: Bits that are stored: 0 to 16, and no more than a coefficient has.
    widths: tuple[int, ...]
    #: Bits that are rounded away before.
    shifts: tuple[int, ...]

    @property
    def bits(self) -> int:
        """Stored bits of a tile, whatever its content."""
        return sum(self.widths)

    def check(self, config: CodecConfig) -> None:
        """Raise ``ValueError`` or ``TypeError`` unless the hardware of *config* can hold it."""
        for name, values in (("widths", self.widths), ("shifts", self.shifts)):
            if len(values) != config.pixels:
                raise ValueError(
                    f"{name} must have {config.pixels} entries "
                    f"({config.tile} × {config.tile}), not {len(values)}"
                )
        places = scan(config.tile)
        require_each(
            self.widths, 0, config.field.width, lambda n: f"width of coefficient {places[n]}"
        )
        require_each(
            self.shifts, 0, config.shift_max, lambda n: f"shift of coefficient {places[n]}"
        )


def uniform(n: int, width: int, shift: int) -> Table:
    """Table of an *n* × *n* tile that treats every coefficient alike."""
    return Table((width,) * n**2, (shift,) * n**2)


def masked(n: int, keep: Iterable[tuple[int, int]], width: int, shift: int) -> Table:
    """Table that stores the coefficients ``(u, v)`` of *keep* with *width* bits and drops the rest.

    Source: Vogel et al. 2019, the pruning mask.
    """
    kept = set(keep)
    if strays := kept - set(scan(n)):
        raise ValueError(f"keep must hold coefficients of a {n} × {n} tile, not {min(strays)}")
    widths = tuple(width if place in kept else 0 for place in scan(n))
    return Table(widths, (shift,) * n**2)


def triangle(n: int, count: int) -> list[tuple[int, int]]:
    """First *count* coefficients ``(u, v)`` in order of u + v, then u.

    Source: Vogel et al. 2019, the direct mask.
    """
    require(count, 0, n**2, "count")
    return sorted(scan(n), key=lambda place: (sum(place), place[0]))[:count]
