"""Verbs of the simulation: what they are called with and what they print."""

from pathlib import Path

import click

# The demo's rate: half of what plain samples take.
_DEMO_BITS = 4.0


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
