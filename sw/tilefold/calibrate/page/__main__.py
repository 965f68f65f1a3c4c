"""Measure all that the page tells of, and write it: what ``make calibration`` runs."""

import argparse
import sys
from importlib.metadata import version
from pathlib import Path

from ...files import write_whole
from ...report.rates import draw
from .contents import sections
from .page import page
from .subject import Subject, measured

_DEMO = "tilefold.demo.trained"


def main(arguments: list[str] | None = None) -> None:
    """Run, as the program's help says."""
    parser = argparse.ArgumentParser(
        prog="python -m tilefold.calibrate.page",
        description="Measure what docs/calibration.md tells of, and write it. What was measured "
        "stays measured until network, images or sections change.",
    )
    parser.add_argument("--page", type=Path, default=Path("docs/calibration.md"))
    parser.add_argument("--sections", type=Path, help="in place of ours")
    parser.add_argument("--measured", type=Path, default=Path("build/calibration"))
    parser.add_argument("--network", default=f"{_DEMO}:network", help="FILE.py:FACTORY")
    parser.add_argument("--weights", default="")
    parser.add_argument("--data", default=f"{_DEMO}:training", help="images to learn from")
    parser.add_argument("--test", default=f"{_DEMO}:test", help="images to test on")
    parser.add_argument("--mean", default="0", help="of each channel, with commas between them")
    parser.add_argument("--deviation", default="1")
    parser.add_argument("--images", type=int, default=512, help="how many to learn from")
    parser.add_argument("--tests", type=int, help="how many to test on, else all")
    parser.add_argument("--mirror", action="store_true", help="mirrored images are as likely")
    chosen = parser.parse_args(arguments)
    subject = Subject(
        chosen.network,
        chosen.data,
        chosen.test,
        chosen.weights,
        chosen.mean,
        chosen.deviation,
        chosen.images,
        chosen.tests,
        chosen.mirror,
    )

    last = ""

    def show(what: str, done: int, total: int) -> None:
        nonlocal last
        if what != last:
            print(what, file=sys.stderr)
        last = what

    written = []
    for section in sections(chosen.sections) if chosen.sections else sections():
        print(section.title, file=sys.stderr)
        found = measured(subject, section, chosen.measured, show)
        picture = f"{chosen.page.stem}/{section.name}.svg"
        path = chosen.page.parent / picture
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(found, path)
        written.append((section, found, picture))
    versions = {name: version(name) for name in ("torch", "numpy")}
    write_whole(chosen.page, page(subject, written, versions).encode())
    print(f"{chosen.page}: written", file=sys.stderr)


if __name__ == "__main__":
    main()
