"""Running a sweep on Dask: on this machine's cores, or on any cluster's."""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from distributed import Client, LocalCluster, as_completed

from ..tools import FlowError
from .journal import Journal, Row
from .space import Point
from .work import Kind, harness, measure, stamps_of

Hear = Callable[[int, int, str], None]
"""Is told how many points are done, of how many, and what was the last."""


@contextmanager
def cluster(scheduler: str | None, jobs: int | None) -> Iterator[Client]:
    """Connect to the Dask scheduler at an address, or start one for this machine.

    The one that is started stays within this process, and is seen from this machine alone: what
    takes long are the programs that its threads start.
    """
    if scheduler:
        try:
            client = Client(scheduler, timeout=10)
        except (OSError, TimeoutError) as error:
            raise FlowError(f"no scheduler answers at {scheduler}") from error
        with client:
            yield client
        return
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=jobs or os.cpu_count(),
            processes=False,
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
        ) as local,
        Client(local) as client,
    ):
        yield client


def run(
    points: Sequence[Point],
    path: Path,
    *,
    scheduler: str | None = None,
    jobs: int | None = None,
    hear: Hear = lambda done, total, what: None,
) -> list[Row]:
    """Measure *points*, but for those that the journal at *path* has; return all their rows.

    Every row is in the journal as soon as it is known, so a sweep that is broken off goes on where
    it was.

    Raises
    ------
    FlowError
        No scheduler answers, or its machines have other sources or tools than this one.
    """
    hear(0, len(points), "looking for the tools")
    stamps = stamps_of(sorted({_kind(point) for point in points}))
    with Journal(path) as journal:
        missing = [point for point in points if journal.row(stamps[_kind(point)], point) is None]
        done = len(points) - len(missing)
        hear(done, len(points), "in the journal" if done else "")
        if missing:
            with cluster(scheduler, jobs) as client:
                _same_everywhere(client, stamps)
                for new in _rows(client, missing, stamps):
                    journal.add(new)
                    done += 1
                    point = new["point"]
                    hear(done, len(points), f"{point['block']} seed {point['seed']}")
        rows = (journal.row(stamps[_kind(point)], point) for point in points)
        return [row for row in rows if row is not None]


def _rows(client: Client, points: Sequence[Point], stamps: dict[Kind, str]) -> Iterator[Row]:
    """Measure *points*; each circuit is synthesised once."""
    circuits = {}
    futures = []
    with warnings.catch_warnings():
        # Dask warns of what is sent along with a task if it is large: a netlist is.
        warnings.filterwarnings("ignore", "Sending large graph")
        for point in points:
            if point.circuit not in circuits:
                circuits[point.circuit] = client.submit(harness, point, pure=False)
            futures.append(
                client.submit(
                    measure, point, circuits[point.circuit], stamps[_kind(point)], pure=False
                )
            )
    circuits.clear()
    for future in as_completed(futures):
        yield future.result()
        future.release()


def _kind(point: Point) -> Kind:
    return point.block, point.part


def _same_everywhere(client: Client, stamps: dict[Kind, str]) -> None:
    for address, theirs in client.run(stamps_of, sorted(stamps)).items():
        if theirs != stamps:
            raise FlowError(f"{address} must have the sources and tools of this machine")
