"""The verb that exports a bundle as C: what it is called with and what it prints."""

from pathlib import Path

import click

from tilefold.bundle import Bundle
from tilefold.files import write_whole
from tilefold_hw.config import named
from tilefold_hw.core import BLOCKS, ORDERS, CoreConfig

from .export import export as exported

# The first character keeps the lines apart.
_EXAMPLES = """\b
tilefold export digits.safetensors -o layers.h
tilefold export net.safetensors --block encoder --name squeeze -o layers.h

\b
And in the program, with driver/tilefold.h of the generated core:
  struct tilefold_side encoder = {tilefold_mmio(base), SQUEEZE_ENCODER_BASE};
  tilefold_load(&encoder, &squeeze_layers[SQUEEZE_LAYER_CONV1].encoder, 1000);
"""


@click.command(epilog=_EXAMPLES)
@click.argument("bundle", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The header. It is replaced as a whole.",
)
@click.option(
    "--block",
    type=click.Choice(tuple(BLOCKS)),
    default="codec",
    show_default=True,
    help="What the core is: layers hold what its sides take.",
)
@click.option(
    "--name",
    default="",
    help="Of the core's module: names in C begin with it.  [default: tilefold_ and the block]",
)
@click.option(
    "--config",
    metavar="CONFIG|PRESET",
    help="What the core was generated from: a bundle that is for another is an error.",
)
@click.option(
    "--order",
    type=click.Choice(ORDERS),
    default="tiles",
    show_default=True,
    help="What the core was generated with; with rows, --row-samples, too.",
)
@click.option("--row-samples", type=int, default=2048, show_default=True, metavar="N")
def export(
    bundle: Path,
    output: Path,
    block: str,
    name: str,
    config: str | None,
    order: str,
    row_samples: int,
) -> None:
    """Export a bundle's layers as a C header, for a program on bare metal.

    The header holds all that has to be written to a core to run a layer, as constants, and what the
    layer is: its name, channels, tile groups and the words of a packet. The driver that a
    generated core comes with, tilefold.h, loads it, and finds out a core that is built otherwise
    before it writes anything.
    """
    if not output.absolute().parent.is_dir():
        raise ValueError(f"output must be in a folder that is there, not {str(output.parent)!r}")
    read = Bundle.load(bundle, named(config) if config else None)
    core = CoreConfig(read.config, block, name, order=order, row_samples=row_samples)
    text = exported(read, core)
    write_whole(output, text.encode())
    click.echo(f"{output}: {len(read.sites)} layers")
