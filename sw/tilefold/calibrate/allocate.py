"""Allocation: bits for every coefficient of every channel of every map, by rate and distortion.

Reverse water-filling with a weight for each error: a bit goes where it saves most of the expected
change of the network's answers, over all maps together, until the budget is spent. It is found by
its price: each coefficient takes the width and the shift that cost least, errors and bits
together, and the price of a bit is raised until all fits.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tilefold_hw.budget import packet_words
from tilefold_hw.table import Table

from ..bundle import Site
from .distortion import distortion
from .histogram import histograms
from .progress import Progress, quietly
from .study import Choose, Study

_STEPS = 60
"""Halvings of the range of prices: then the ends are as close as numbers get."""

_SPAN = 1e18
"""Largest price over the smallest."""

_ROUNDS = 8
"""Rounds in which channels choose among the tables that they share; few change after that."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def allocate(study: Study, progress: Progress = quietly) -> Choose:
    """Measure what tables for every channel would cost, to choose them for a budget.

    A budget must be enough for one bit a tile; the error tells the least.

    Source
    ------
    Shoham and Gersho 1988 for the price. That layers compete by the loss of the network per bit
    saved is in the spirit of Tai et al. 2022, equations 8 to 10.
    """
    curves = []
    for name, found in histograms(study, progress).items():
        errors = distortion(found, study.on(name))
        costs = np.full_like(errors, np.inf)  # which no weight makes less, not even 0
        np.multiply(
            errors, study.weights[name][..., None, None], out=costs, where=np.isfinite(errors)
        )
        curves.append(_Curves.of(study.plain[name], costs))

    def choose(bits: float) -> tuple[Site, ...]:
        price, sites = _fit(study, curves, bits)
        if any(each.tables > study.config.tables for each in curves):
            shared = [each.shared(study.config.tables, price) for each in curves]
            price, sites = _fit(study, shared, bits)
        return sites

    return choose


def _fit(study: Study, curves: list["_Curves"], bits: float) -> tuple[float, tuple[Site, ...]]:
    """Find the lowest price of a bit at which all maps fit, and what they buy."""
    words = study.room(bits)

    def buy(price: float) -> tuple[int, tuple[Site, ...]]:
        sites = tuple(each.chosen(price) for each in curves)
        return sum(packet_words(study.config, site.layer) for site in sites), sites

    # Nothing that could be saved is worth a bit at this price.
    high = 1 + sum(each.most for each in curves)
    least, sites = buy(high)
    if least > words:
        raise ValueError(
            f"bits must be at least {study.bits(least):.3g} a value, with one bit for the mean of "
            f"each tile and none for the rest, not {bits:.3g}"
        )
    low = high / _SPAN
    for _ in range(_STEPS):
        price = (low * high) ** 0.5
        needed, bought = buy(price)
        if needed > words:
            low = price
        else:
            high, sites = price, bought
    return high, sites


@dataclass(frozen=True, slots=True, eq=False)
class _Curves:
    """What the tables of a map would cost."""

    site: Site
    #: ``index[channel]``: the table that it reads.
    index: Ints
    #: Of a tile in each channel: float64[C, K, widths, shifts].
    costs: Floats
    #: Of all that read a table, with the best shift for each width: float64[T, K, widths].
    least: Floats
    #: Those shifts: int64[T, K, widths].
    shifts: Ints

    @classmethod
    def of(cls, site: Site, costs: Floats, index: Ints | None = None) -> Self:
        """Sum the costs of the channels that share a table: by *index*, or none do."""
        if index is None:
            index = np.arange(len(costs))
        summed = np.zeros((int(index.max()) + 1, *costs.shape[1:]))
        np.add.at(summed, index, costs)
        return cls(site, index, costs, summed.min(axis=3), summed.argmin(axis=3))

    @property
    def tables(self) -> int:
        """Tables."""
        return len(self.least)

    @property
    def most(self) -> float:
        """What all could cost that has a cost at all."""
        return float(np.where(np.isfinite(self.least), self.least, 0).max(axis=2).sum())

    def entries(self, price: float) -> tuple[Ints, Ints]:
        """Widths and shifts that cost least where a bit costs *price*: two int64[T, K]."""
        readers = np.bincount(self.index, minlength=self.tables)
        bits = np.arange(self.least.shape[2]) * self.site.layer.groups * readers[:, None, None]
        widths = (self.least + price * bits).argmin(axis=2)
        shifts = np.take_along_axis(self.shifts, widths[..., None], axis=2)[..., 0]
        return widths, np.where(widths > 0, shifts, 0)

    def chosen(self, price: float) -> Site:
        """Site with the tables that cost least where a bit costs *price*."""
        rows = [
            Table(tuple(widths), tuple(shifts))
            for widths, shifts in zip(*(each.tolist() for each in self.entries(price)), strict=True)
        ]
        distinct = sorted(set(rows), key=lambda table: (table.widths, table.shifts))
        place = {table: number for number, table in enumerate(distinct)}
        index = tuple(place[rows[number]] for number in self.index)
        layer = replace(self.site.layer, tables=tuple(distinct), index=index)
        return replace(self.site, layer=layer)

    def shared(self, tables: int, price: float) -> Self:
        """Let channels share, so that there are at most so many *tables*.

        In turn, each channel takes the table that costs it least, and each table becomes what
        costs its channels least (Lloyd 1982), where a bit costs *price*.
        """
        if self.tables <= tables:
            return self
        bits = self.entries(price)[0].sum(axis=1)
        index = np.empty(len(bits), dtype=np.int64)
        index[bits.argsort(kind="stable")] = np.arange(len(bits)) * tables // len(bits)
        pixels = np.arange(self.costs.shape[1])
        for _ in range(_ROUNDS):
            widths, shifts = self.of(self.site, self.costs, index).entries(price)
            prices = price * self.site.layer.groups * widths.sum(axis=1)
            costs = np.stack(
                [
                    self.costs[:, pixels, width, shift].sum(axis=1) + each
                    for width, shift, each in zip(widths, shifts, prices, strict=True)
                ]
            )
            # A table that nobody takes goes.
            index = np.unique(costs.argmin(axis=0), return_inverse=True)[1]
        return self.of(self.site, self.costs, index)
