"""Measuring: synthesis, harness, place and route with several seeds, and what each says."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Any

from .harness import Harnessed, wrap
from .measurement import Case, Measurement
from .parts import Part
from .route import Routed, route
from .synthesis import synthesise
from .tools import FlowError, find

Hear = Callable[[str, str], None]
"""Is told what runs, and each line that it says."""

Done = Callable[[str], None]
"""Is told what has ended."""


def versions(part: Part) -> dict[str, str]:
    """Versions of the programs that measure on *part*. The first call may take a minute."""
    return {name: find(name).version for name in ("yosys", part.family.router)}


def _quiet(*heard: str) -> None:
    pass


def prepare(
    case: Case, part: Part, folder: Path, hear: Hear = _quiet, done: Done = _quiet
) -> Harnessed:
    """Synthesise *case* in a new *folder*, and put it in its harness."""
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
    hear: Hear = _quiet,
    done: Done = _quiet,
) -> list[Measurement]:
    """Measure *cases* on *part* with each of *seeds*, *jobs* programs at a time (one a core).

    Logs stay in a folder for each case, below *folder*; others that measure there at the same time
    do no harm.

    Raises
    ------
    FlowError
        One of them can't be measured. What runs is let finish; nothing more is started.
    """
    folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".run-", dir=folder))
    try:
        return _measure(
            cases, part, work, freq_mhz or part.freq_mhz, seeds, jobs or os.cpu_count(), hear, done
        )
    except FlowError as error:
        raise FlowError(str(error).replace(str(work), str(folder))) from error
    finally:
        for made in work.iterdir():
            shutil.rmtree(folder / made.name, ignore_errors=True)
            # Somebody else's logs of the same name may have come in between; theirs are as good.
            with suppress(OSError):
                made.rename(folder / made.name)
        shutil.rmtree(work)


def _measure(
    cases: Sequence[Case],
    part: Part,
    folder: Path,
    freq_mhz: float,
    seeds: Sequence[int],
    jobs: int | None,
    hear: Hear,
    done: Done,
) -> list[Measurement]:
    harnessed: list[Harnessed | None] = [None] * len(cases)
    routed: list[list[Routed]] = [[] for _ in cases]
    with ThreadPoolExecutor(jobs) as pool:
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
            counts=in_it.counts,
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
