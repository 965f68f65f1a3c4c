"""Page: a record as one file of HTML, with no script and nothing to load."""

import os
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..files import write_whole
from . import plot
from .png import data_uri
from .record import Report


def render(report: Report) -> str:
    """Write a report as HTML, the same text for the same record.

    The page needs no script, no network and no other file. It follows the reader's choice of a
    light or dark scheme, and fits narrow screens and paper.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "breakable": breakable,
        "data_uri": data_uri,
        "percent": percent,
        "size": size,
    }
    drawing = plot.plot(report) if report.series else None
    return environment.get_template("page.html").render(
        report=report, drawing=drawing, frame=plot, fields=_fields(report)
    )


def write(report: Report, path: str | os.PathLike[str]) -> None:
    """Write the page to *path*, which is replaced as a whole or not at all."""
    write_whole(path, render(report).encode())


def percent(share: float, digits: int = 1) -> str:
    """Write a share in per cent; one that is small, but there, is not told as nothing.

    >>> percent(0.1234), percent(0.0), percent(0.00001), percent(-0.02)
    ('12.3 %', '0 %', '< 0.1 %', '−2.0 %')
    """
    if share == 0:
        return "0 %"
    if 0 < share < 0.5 * 10.0 ** -(digits + 2):
        return f"< {10.0**-digits:.{digits}f} %"
    return f"{100 * share:.{digits}f} %".replace("-", "−")


def breakable(name: str) -> Markup:
    """Escape a name whose lines may end behind a dot.

    >>> breakable("layer1.<b>")
    Markup('layer1.<wbr>&lt;b&gt;')
    """
    return Markup(".<wbr>").join(name.split("."))


def size(shape: tuple[int, ...]) -> str:
    """Write a shape.

    >>> size((16, 32, 32))
    '16 × 32 × 32'
    """
    return " × ".join(map(str, shape))


def _fields(report: Report) -> dict[str, str]:
    """Fields of the configuration, written as in its file."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in report.configuration.fields.items()
    }
