"""Verbs of boards: what they are called with and what they print."""

from pathlib import Path

import click

# The first character keeps the lines apart.
_BUILD_EXAMPLES = """\b
tilefold build ulx3s_85f
tilefold build icebreaker --config mine.toml -o out
tilefold build tang_nano_9k --seeds 8         the fastest of eight placements
"""

_PROGRAM_EXAMPLES = """\b
tilefold program ulx3s_85f                    what `tilefold build ulx3s_85f` built
tilefold program out/icebreaker.bin --flash
"""


@click.command(epilog=_BUILD_EXAMPLES)
@click.argument("board", metavar="BOARD")
@click.option("--config", metavar="FILE|NAME", help="Device to build.  [default: the board's]")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the files go.  [default: build/boards/BOARD]",
)
@click.option("--seed", type=click.IntRange(1), help="The placement to try.  [default: 1]")
@click.option("--seeds", type=click.IntRange(1, 1000), help="Try 1, 2, ... and keep the fastest.")
@click.option("--jobs", type=click.IntRange(1), help="Placements at a time.  [default: one a core]")
def build(
    board: str,
    config: str | None,
    output: Path | None,
    seed: int | None,
    seeds: int | None,
    jobs: int | None,
) -> None:
    """Build a board's bitstream, with a report and the device's configuration beside it.

    The clock is made by the board's PLL and checked after routing: a bitstream that misses it is
    not written. `tilefold boards` lists the boards.
    """
    from rich.console import Console

    from tilefold_gateware.device import SerialDevice
    from tilefold_hw.device import DEVICES, device

    from ..progress import Lines
    from .build import build as run
    from .catalogue import board as named
    from .program import default_folder
    from .show import show_build

    if seed and seeds:
        raise click.UsageError("--seed and --seeds exclude each other")
    chosen = named(board)
    wanted = device(config) if config else DEVICES[chosen.device]
    with Lines(Console(stderr=True)) as lines:
        built = run(
            chosen,
            wanted,
            SerialDevice,
            output or default_folder(board),
            seeds=range(1, seeds + 1) if seeds else (seed or 1,),
            jobs=jobs,
            hear=lines.hear,
            done=lines.done,
        )
    show_build(built, Console())


@click.command(epilog=_PROGRAM_EXAMPLES)
@click.argument("what", metavar="BOARD|FILE")
@click.option("--flash", is_flag=True, help="Write it where it stays when the power goes.")
@click.option("--cable", help="openFPGALoader's name of the cable, if it is not on the board.")
def program(what: str, flash: bool, cable: str | None) -> None:
    """Put a bitstream on its board, by openFPGALoader.

    BOARD is one that was built into build/boards; FILE is a bitstream with its report beside it.
    """
    import shlex

    from .program import command, ready
    from .program import program as run

    arguments = command(ready(what), flash=flash, cable=cable)
    click.echo(shlex.join(arguments), err=True)
    run(arguments)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write it as JSON.")
def boards(as_json: bool) -> None:
    """List the boards that bitstreams are built for."""
    import json

    from rich.console import Console

    from .catalogue import BOARDS
    from .show import as_dict, show_boards

    if as_json:
        click.echo(json.dumps([as_dict(board) for board in BOARDS.values()], indent=2))
    else:
        show_boards(BOARDS.values(), Console())
