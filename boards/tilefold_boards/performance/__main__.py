"""Measure all that the page tells of, and write it: what ``make performance`` runs."""

import argparse
import sys
from pathlib import Path

from ..files import write
from ..measure import versions
from ..parts import part
from ..sweep.run import run
from ..sweep.work import measurements
from .contents import sections
from .page import page
from .pictures import draw


def main(arguments: list[str] | None = None) -> None:
    """Run, as the program's help says."""
    parser = argparse.ArgumentParser(
        prog="python -m tilefold_boards.performance",
        description="Measure what docs/performance.md tells of, and write it. What was measured "
        "stays measured until the circuits or the tools change.",
    )
    parser.add_argument("--page", type=Path, default=Path("docs/performance.md"))
    parser.add_argument("--figures", type=Path, help="sections, in place of ours")
    parser.add_argument("--journal", type=Path, default=Path("build/performance/journal.jsonl"))
    parser.add_argument("--scheduler", help="address of a Dask cluster")
    parser.add_argument("--jobs", type=int, help="programs at a time")
    chosen = parser.parse_args(arguments)

    found = sections(chosen.figures) if chosen.figures else sections()
    points = list(dict.fromkeys(point for section in found for point in section.points))

    def hear(done: int, total: int, what: str) -> None:
        print(f"{done} of {total} {what}", file=sys.stderr)

    rows = run(
        points, chosen.journal, scheduler=chosen.scheduler, jobs=chosen.jobs or None, hear=hear
    )
    by_point = dict(zip(points, rows, strict=True))
    tools: dict[str, str] = {}
    for name in dict.fromkeys(point.part for point in points):
        tools |= versions(part(name))

    written = []
    for section in found:
        measured = measurements(by_point[point] for point in section.points)
        picture = ""
        if section.plot and measured:
            name = f"{section.title.lower().replace(' ', '-')}.svg"
            picture = f"{chosen.page.stem}/{name}"
            draw(measured, section.plot, chosen.page.parent / picture)
        written.append((section, measured, picture))
    errors = dict.fromkeys(
        f"{row['point']['block']} on {row['point']['part']}: {row['error']}"
        for row in rows
        if "error" in row
    )
    write(chosen.page, page(written, tools, list(errors)))
    print(f"{chosen.page}: written", file=sys.stderr)


if __name__ == "__main__":
    main()
