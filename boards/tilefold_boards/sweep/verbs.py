"""The verb of a sweep: what it is called with and what it prints."""

from pathlib import Path

import click

# The first character keeps the lines apart.
_EXAMPLES = """\b
[[space]]
blocks = ["dct", "encoder"]
parts = ["ecp5-85f"]
seeds = 3                   # 0: no placement and no clock, only areas
[space.config]
preset = "standard"
tile = [4, 8]               # each combination of what is in lists
sample_width = [8, 12, 16]

\b
tilefold sweep space.toml                         on all cores; again, to go on
tilefold sweep space.toml --scheduler tcp://10.0.0.1:8786
"""


@click.command(epilog=_EXAMPLES)
@click.argument("space", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--scheduler", metavar="ADDRESS", help="Of a Dask cluster.  [default: this machine]")
@click.option("--jobs", type=click.IntRange(1), help="Programs at a time, on this machine.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where journal, table and picture go.  [default: build/sweep/SPACE]",
)
def sweep(space: Path, scheduler: str | None, jobs: int | None, directory: Path | None) -> None:
    """Measure many configurations on FPGAs, with several seeds each, on one machine or a cluster.

    SPACE is a TOML file, as below.

    What is measured is in the journal at once, and is not measured again unless the circuits or the
    tools change: a sweep that is broken off goes on where it was.

    Leaves journal.jsonl (a line for each seed), results.parquet (a line for each circuit) and
    pareto.svg (rate against look-up tables) in the directory. A cluster's machines need
    tilefold[sweep] of the same version.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from ..show import show_front
    from .pareto import draw, front
    from .run import run
    from .space import load
    from .table import write_parquet
    from .work import measurements

    console, errors = Console(), Console(stderr=True)
    found = load(space)
    for reason in found.left_out:
        errors.print(f"left out: {reason}", highlight=False, soft_wrap=True)
    directory = directory or Path("build", "sweep", space.stem)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[what]}", style="dim"),
        console=errors,
        disable=not errors.is_terminal,
    ) as progress:
        task = progress.add_task("measuring", total=len(found.points), what="")

        def hear(done: int, total: int, what: str) -> None:
            progress.update(task, completed=done, what=what)
            if not errors.is_terminal:
                errors.print(f"{done} of {total} {what}", highlight=False)

        rows = run(
            found.points, directory / "journal.jsonl", scheduler=scheduler, jobs=jobs, hear=hear
        )
    for row in rows:
        if "error" in row:
            point = row["point"]
            errors.print(
                f"{point['block']} on {point['part']}, seed {point['seed']}: {row['error']}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
    measured = measurements(rows)
    if not measured:
        raise ValueError("nothing could be measured")
    write_parquet(measured, directory / "results.parquet")
    draw(measured, directory / "pareto.svg")
    show_front(front(measured), measured, console)
    for name, what in (
        ("journal.jsonl", "every run"),
        ("results.parquet", "every circuit"),
        ("pareto.svg", "rate against look-up tables"),
    ):
        console.print(f"{directory / name}: {what}", highlight=False, soft_wrap=True)
