"""A measurement: what is known of a circuit, and the figures of what was counted and timed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from tilefold_hw.config import CodecConfig

from .blocks import Block, as_dict
from .harness import Counts
from .parts import Part
from .route import Routed
from .synthesis import Amaranth, Source

FORMAT = 1
"""Version of the form of :meth:`Measurement.to_dict`."""


@dataclass(frozen=True, slots=True)
class Case:
    """A circuit to measure, and what is known of it beforehand."""

    name: str
    source: Source
    #: Items a clock, and what they are; 0 if nobody told.
    per_clock: float = 0
    unit: str = "sample"
    latency_cycles: int | None = None
    config: CodecConfig | None = None


def case(block: Block, config: CodecConfig) -> Case:
    """Return the case of a *block* of our own."""
    return Case(
        name=block.name,
        source=Amaranth(lambda: block.make(config)),
        per_clock=block.per_clock(config),
        unit=block.unit,
        latency_cycles=block.latency_cycles(config),
        config=config,
    )


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a circuit costs on a part, and how fast it runs there. The harness is not in it."""

    case: Case
    part: Part
    freq_mhz: float
    #: By seed; never empty. Seed 0 is packed, but neither placed nor routed, and has no clock.
    routed: tuple[Routed, ...]
    counts: Counts

    @property
    def typical(self) -> Routed:
        """The run with the median clock (of an even number, the lower of the two in the middle)."""
        ordered = sorted(self.routed, key=lambda each: each.fmax_mhz)
        return ordered[(len(ordered) - 1) // 2]

    @property
    def fmax_mhz(self) -> float:
        """Median over the seeds."""
        return median(each.fmax_mhz for each in self.routed)

    def _sum(self, cells: Sequence[str]) -> int:
        return sum(self.typical.cells.get(cell, 0) for cell in cells)

    @property
    def luts(self) -> int:
        """Look-up tables, with those that are carries and memories."""
        family, it = self.part.family, self.counts
        own = it.harness_flip_flops - it.shared if family.joint else 0
        mapped = sum(it.mapped.get(cell, 0) for cell in family.mapped_luts)
        cells = self.typical.cells
        return mapped + sum(n * cells.get(cell, 0) for cell, n in family.luts.items()) - own

    @property
    def flip_flops(self) -> int:
        """Flip-flops, but for those inside multipliers and block memories."""
        return self.counts.flip_flops

    @property
    def dsps(self) -> int:
        """Multiplier blocks."""
        return self._sum(self.part.family.dsps)

    @property
    def brams(self) -> int:
        """Block memories."""
        return self._sum(self.part.family.brams)

    @property
    def capped(self) -> bool:
        """Whether the clock to claim is less than nextpnr's figure."""
        cap = self.part.family.cap_mhz
        return bool(cap and self.fmax_mhz > cap and (self.dsps or self.brams))

    @property
    def clock_mhz(self) -> float:
        """The clock to claim: the median, and at most what multipliers and memories bear."""
        cap = self.part.family.cap_mhz
        return cap if cap and self.capped else self.fmax_mhz

    @property
    def rate(self) -> float:
        """Millions of items a second."""
        return self.case.per_clock * self.clock_mhz

    @property
    def latency_ns(self) -> float | None:
        """Latency at the claimed clock."""
        cycles, clock = self.case.latency_cycles, self.clock_mhz
        return None if cycles is None or not clock else cycles * 1e3 / clock

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, for JSON."""
        case, path = self.case, self.typical.path
        return {
            "block": case.name,
            "config": as_dict(case.config) if case.config else None,
            "part": self.part.name,
            "device": self.part.device,
            "freq_mhz": self.freq_mhz,
            "luts": self.luts,
            "flip_flops": self.flip_flops,
            "dsps": self.dsps,
            "brams": self.brams,
            "cells": self.typical.cells,
            "harness_flip_flops": self.counts.harness_flip_flops,
            "fmax_mhz": {
                "median": self.fmax_mhz,
                "min": min(each.fmax_mhz for each in self.routed),
                "max": max(each.fmax_mhz for each in self.routed),
                "seeds": {str(each.seed): each.fmax_mhz for each in self.routed},
            },
            "clock_mhz": self.clock_mhz,
            "capped": self.capped,
            "unit": case.unit,
            "per_clock": case.per_clock,
            "rate": self.rate,
            "per_klut": self.rate * 1e3 / self.luts if self.luts else None,
            "per_dsp": self.rate / self.dsps if self.dsps else None,
            "latency_cycles": case.latency_cycles,
            "latency_ns": self.latency_ns,
            "critical_path": None
            if path is None
            else {"seed": self.typical.seed, "words": path.words, **asdict(path)},
        }
