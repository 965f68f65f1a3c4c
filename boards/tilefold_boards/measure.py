"""Measuring: synthesis, harness, place and route with several seeds, and the figures of it all."""

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tilefold_hw.config import CodecConfig

from .blocks import Block, as_dict
from .harness import Harnessed, wrap
from .parts import Part
from .route import Routed, route
from .synthesis import Amaranth, Source, synthesise
from .tools import find

FORMAT = 1
"""Version of the form of :meth:`Measurement.to_dict`."""

Hear = Callable[[str, str], None]
"""Is told what runs, and each line that it says."""

Done = Callable[[str], None]
"""Is told what has ended."""


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
    #: By seed; never empty.
    routed: tuple[Routed, ...]
    harnessed: Harnessed

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
        family, it = self.part.family, self.harnessed
        own = it.harness_flip_flops - it.shared if family.joint else 0
        mapped = sum(it.mapped.get(cell, 0) for cell in family.mapped_luts)
        cells = self.typical.cells
        return mapped + sum(n * cells.get(cell, 0) for cell, n in family.luts.items()) - own

    @property
    def flip_flops(self) -> int:
        """Flip-flops, but for those inside multipliers and block memories."""
        return self.harnessed.flip_flops

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
        cycles = self.case.latency_cycles
        return None if cycles is None else cycles * 1e3 / self.clock_mhz

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
            "harness_flip_flops": self.harnessed.harness_flip_flops,
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


def versions(part: Part) -> dict[str, str]:
    """Versions of the programs that measure on *part*. The first call may take a minute."""
    return {name: find(name).version for name in ("yosys", part.family.router)}


def prepare(case: Case, part: Part, folder: Path, hear: Hear, done: Done) -> Harnessed:
    """Synthesise *case* in an emptied *folder*, and put it in its harness."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    what = f"{case.name}: synthesis"
    hear(what, "")
    module = synthesise(case.source, part, folder, lambda line: hear(what, line))
    done(what)
    return wrap(module, part, case.source.clocks)


def measure(
    cases: Sequence[Case],
    part: Part,
    folder: Path,
    *,
    freq_mhz: float | None = None,
    seeds: Sequence[int] = (1, 2, 3),
    jobs: int | None = None,
    hear: Hear = lambda what, line: None,
    done: Done = lambda what: None,
) -> list[Measurement]:
    """Measure *cases* on *part* with each of *seeds*, *jobs* programs at a time (one a core).

    Logs stay in a folder for each case, below *folder*.

    Raises
    ------
    FlowError
        One of them can't be measured. What runs is let finish; nothing more is started.
    """
    freq_mhz = freq_mhz or part.freq_mhz
    harnessed: list[Harnessed | None] = [None] * len(cases)
    routed: list[list[Routed]] = [[] for _ in cases]
    with ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        started: dict[Future[Any], int] = {
            pool.submit(prepare, each, part, folder / each.name, hear, done): number
            for number, each in enumerate(cases)
        }
        try:
            while started:
                for task in wait(started, return_when=FIRST_COMPLETED).done:
                    number = started.pop(task)
                    result = task.result()
                    if isinstance(result, Routed):
                        routed[number].append(result)
                        continue
                    harnessed[number] = result
                    for seed in seeds:
                        run = pool.submit(
                            _route, cases[number], result, part, folder, freq_mhz, seed, hear, done
                        )
                        started[run] = number
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [
        Measurement(
            case=each,
            part=part,
            freq_mhz=freq_mhz,
            routed=tuple(sorted(runs, key=lambda run: run.seed)),
            harnessed=in_it,
        )
        for each, in_it, runs in zip(cases, harnessed, routed, strict=True)
        if in_it
    ]


def _route(
    case: Case,
    harnessed: Harnessed,
    part: Part,
    folder: Path,
    freq_mhz: float,
    seed: int,
    hear: Hear,
    done: Done,
) -> Routed:
    what = f"{case.name}: seed {seed}"
    hear(what, "")
    routed = route(
        harnessed,
        part,
        folder / case.name,
        freq_mhz=freq_mhz,
        seed=seed,
        clocks=case.source.clocks,
        hear=lambda line: hear(what, line),
    )
    done(what)
    return routed
