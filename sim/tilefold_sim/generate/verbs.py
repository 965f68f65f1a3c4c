"""The verb that generates: what it is called with and what it prints."""

from pathlib import Path

import click

from tilefold_hw.config import named
from tilefold_hw.core import BLOCKS, BUSES, ORDERS, RESETS, TARGETS, CoreConfig

from .package import write


@click.command()
@click.argument("config", metavar="CONFIG|PRESET")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A new folder, or one that was generated: it is replaced.",
)
@click.option(
    "--block",
    type=click.Choice(tuple(BLOCKS)),
    default="codec",
    show_default=True,
    help="Both sides with a memory between them, or one; or a projector alone.",
)
@click.option("--name", default="", help="Of the module.  [default: tilefold_ and the block]")
@click.option(
    "--bus",
    type=click.Choice(BUSES),
    default="axi-lite",
    show_default=True,
    help="What registers are reached by.",
)
@click.option(
    "--reset",
    type=click.Choice(RESETS),
    default="sync-high",
    show_default=True,
    help="When it acts, and at which level; with -low, pins are aclk and aresetn.",
)
@click.option(
    "--target",
    type=click.Choice(TARGETS),
    default="fpga",
    show_default=True,
    help="For an ASIC, registers have no values but those that a reset gives.",
)
@click.option(
    "--order",
    type=click.Choice(ORDERS),
    default="tiles",
    show_default=True,
    help="Of samples: in tile groups, or maps row by row, with all channels of a pixel or a whole "
    "row of a channel in a row. Rows cost memory: see --row-samples.",
)
@click.option(
    "--row-samples",
    type=int,
    default=2048,
    show_default=True,
    metavar="N",
    help="With rows: most samples of a row, all channels of it, padded to whole tiles.",
)
def generate(
    config: str,
    output: Path,
    block: str,
    name: str,
    bus: str,
    reset: str,
    target: str,
    order: str,
    row_samples: int,
) -> None:
    """Generate a core in Verilog, with benches, registers, a driver and a README.

    CONFIG is a TOML file; a name that is none says which there are. The Verilog is one file, needs
    no other, and carries no obligation. Streams are AXI4-Stream: samples, and memory words.

    \b
    What is written:
      NAME.v                  the core
      tb_NAME.v, test_NAME.py its benches, in Verilog and in cocotb
      vectors/                what they play: golden, from the model in NumPy
      registers/              the register map: Markdown, SystemRDL, C, JSON, and
                              IP-XACT where the extra `registers` is installed
      driver/                 a driver in C99 for bare metal
      NAME.core, NAME.vlt     for FuseSoC, and for Verilator's lint
      README.md               ports, timing, cost, and how to load a layer

    \b
    Example:
      tilefold generate standard --block encoder -o encoder
      cd encoder && iverilog -g2005 -o tb tb_tilefold_encoder.v tilefold_encoder.v && vvp tb
    """
    core = CoreConfig(named(config), block, name, bus, reset, target, order, row_samples)
    for path in write(core, output):
        click.echo(path)
