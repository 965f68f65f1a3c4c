"""The Pareto front of a sweep: what nothing else beats in both cost and rate, and a picture."""

from collections.abc import Sequence
from pathlib import Path

from ..measurement import Measurement


def front(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Return those that no other has fewer look-up tables *and* a higher rate than, small first.

    Blocks are compared with their own kind, on the same part.
    """
    best: list[Measurement] = []
    for mine in sorted(measurements, key=lambda each: (each.luts, -each.rate)):
        same = [each for each in best if _kind(each) == _kind(mine)]
        if not same or mine.rate > max(each.rate for each in same):
            best.append(mine)
    return best


def draw(measurements: Sequence[Measurement], path: Path) -> None:
    """Draw rate against look-up tables into *path*, a line along each front."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot()
    kinds = sorted({_kind(each) for each in measurements})
    for name, where in kinds:
        of_kind = [each for each in measurements if _kind(each) == (name, where)]
        best = front(of_kind)
        points = axes.scatter(
            [each.luts for each in of_kind], [each.rate for each in of_kind], s=14, alpha=0.5
        )
        axes.plot(
            [each.luts for each in best],
            [each.rate for each in best],
            color=points.get_facecolor()[0],
            alpha=1,
            marker="o",
            label=f"{name}, {where}",
        )
    axes.set_xlabel("look-up tables")
    axes.set_ylabel("millions of items a second")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _kind(each: Measurement) -> tuple[str, str]:
    return each.case.name, each.part.name
