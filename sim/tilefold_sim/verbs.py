"""Verbs of the simulation: what they are called with and what they print."""

from pathlib import Path

import click

from tilefold.cli import Failure
from tilefold_hw.config import PRESETS, CodecConfig, preset

from .benches import BENCHES, SIMULATORS

# The demo's rate: half of what plain samples take.
_DEMO_BITS = 4.0

# The first character keeps the lines apart.
_SIM_EXAMPLES = """\b
tilefold sim encoder                    the Verilog, in Verilator
tilefold sim encoder --simulator all    in every simulator there is
tilefold sim codec --waves --seed 7     and record what happens
tilefold sim --preset precise           with 16-bit samples
"""


@click.command()
@click.option(
    "--images",
    default=20,
    show_default=True,
    help="Test images whose maps go through the simulated hardware.",
)
@click.option(
    "--bits",
    default=_DEMO_BITS,
    show_default=True,
    help="Guaranteed bits a stored value, at most. Try 2, and see what the accuracy becomes.",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/demo"),
    show_default=True,
    help="Where the bundle, the summary and the picture go.",
)
def demo(images: int, bits: float, directory: Path) -> None:
    """Compress a trained network's activations in simulated hardware, and compare every bit.

    A small CNN that reads handwritten digits is calibrated on training images. Its stored maps then
    pass a codec compiled from the gateware, one layer's settings after the other, and every stored
    word and restored sample is compared with the golden model. Then the accuracy on all test images
    is measured: in floating point, with plain 8-bit maps, and with compressed maps.

    Leaves digits.safetensors (the bundle that the hardware ran on), summary.json, and tiles.png
    (maps before and after, and the tables) in the directory. Ends with status 1 if anything
    differs.
    """
    from rich.console import Console

    from . import report
    from .demo import run
    from .progress import Bars

    console = Console()
    with Bars(console) as bars:
        result = run(directory, images, bits, bars.show)
        bars.show("drawing", 0, 1)
        report.write(result, directory)
        bars.show("drawing", 1, 1)
    report.show(result, console)
    for name, what in (
        ("tiles.png", "maps before and after"),
        ("summary.json", "these numbers"),
        ("digits.safetensors", "the bundle"),
    ):
        console.print(f"{directory / name}: {what}", highlight=False, soft_wrap=True)
    if not result.sound:
        raise SystemExit(1)


@click.command(epilog=_SIM_EXAMPLES)
@click.argument("names", metavar="[BENCH]...", nargs=-1, type=click.Choice(BENCHES))
@click.option(
    "--simulator",
    type=click.Choice([*SIMULATORS, "all"]),
    default="verilator",
    show_default=True,
    help="What runs the circuits; all: each that is installed.",
)
@click.option(
    "--preset",
    "chosen",
    type=click.Choice(list(PRESETS)),
    default="tiny",
    show_default=True,
    help="Configuration of the circuits.",
)
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Configuration in a TOML file, in place of a preset.",
)
@click.option("--seed", default=0, show_default=True, help="Of layers, samples and pauses.")
@click.option("--waves", is_flag=True, help="Record every signal, to look at in a wave viewer.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/sim"),
    show_default=True,
    help="Where Verilog, compiled circuits, logs and waves go.",
)
@click.option("--list", "listed", is_flag=True, help="Tell what there is, and run nothing.")
def sim(
    names: tuple[str, ...],
    simulator: str,
    chosen: str,
    file: Path | None,
    seed: int,
    waves: bool,
    directory: Path,
    listed: bool,
) -> None:
    """Run the circuits against the golden model in a simulator, with stalls, resets and errors.

    A bench is a list of promises, each tried with random layers and samples: that every word and
    sample is the model's, that no cycle is lost, that a layer that is loaded in mid-packet does not
    tear it, that a reset and a lost word do no lasting harm. `tilefold sim --list` tells them all.
    Without BENCH, all benches are run.

    cxxrtl is the fastest by far once it is compiled, and runs in this process. Verilator and Icarus
    run the Verilog that a user gets, under cocotb. Ends with status 1 if a promise is broken.
    """
    from rich.console import Console

    from . import runner, scoreboard

    console = Console()
    if listed:
        scoreboard.show_benches(console)
        return
    config = CodecConfig.load(file) if file else preset(chosen)
    simulators = [simulator]
    if simulator == "all":
        simulators = [each for each in SIMULATORS if runner.installed(each)]
    reports = []
    for each in simulators:
        for name in names or BENCHES:
            with console.status(f"{name}: compiling and running on {each}"):
                record = waves and (simulator != "all" or each != "cxxrtl")
                try:
                    report = runner.run(
                        name, config, each, seed=seed, waves=record, folder=directory
                    )
                except RuntimeError as error:
                    raise Failure(str(error)) from error
            scoreboard.show(report, console)
            reports.append(report)
    if not all(report.sound for report in reports):
        raise SystemExit(1)


@click.command()
@click.argument("config", metavar="BOARD|CONFIG")
@click.option("--port", default=0, help="Of TCP.  [default: a free one]")
@click.option("--bits", is_flag=True, help="Put the serial line between, bit by bit: much slower.")
def sim_board(config: str, port: int, bits: bool) -> None:
    """Run a simulated device for other programs: at a pseudo-terminal and at a port of TCP.

    Any program that opens a serial port can open it. The device's time stands still while nobody
    talks to it. Ends at Ctrl-C.
    """
    from tilefold_hw.device import device

    from .board import Board
    from .serve import Server

    chosen = device(config)
    click.echo("compiling the device, if it has not been before: up to a minute", err=True)
    with Server(Board(chosen, bits=bits), port) as server:
        click.echo(server.path)
        click.echo(server.url)
        try:
            server.run()
        except KeyboardInterrupt:
            click.echo("ended", err=True)
