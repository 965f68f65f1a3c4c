"""Verbs of the boards: what they are called with and what they print."""

from pathlib import Path

import click

from tilefold_hw.config import named

from .blocks import BLOCKS, block
from .parts import PARTS

_DEFAULT_BLOCKS = ("encoder", "decoder")
_PART = next(iter(PARTS))

# The first character keeps the lines apart.
_FPGA_EXAMPLES = """\b
tilefold fpga standard                       encoder and decoder, on an ECP5
tilefold fpga mine.toml --block dct --block pack --seeds 8
tilefold fpga tiny --part ice40-up5k --json figures.json
tilefold fpga --verilog theirs.v --top dct8x8 --clock CLK --per-clock 1
"""


@click.command(epilog=_FPGA_EXAMPLES)
@click.argument("config", metavar="[CONFIG|PRESET]", required=False)
@click.option(
    "--block",
    "names",
    multiple=True,
    metavar="BLOCK",
    help=f"What to measure, of {', '.join(BLOCKS)}; may be repeated.  "
    f"[default: {', '.join(_DEFAULT_BLOCKS)}]",
)
@click.option(
    "--part", "part_name", default=_PART, show_default=True, help=f"One of {', '.join(PARTS)}."
)
@click.option(
    "--freq", type=click.FloatRange(1, 1000), help="MHz to aim at.  [default: the part's]"
)
@click.option(
    "--seeds",
    type=click.IntRange(0, 1000),
    default=3,
    show_default=True,
    help="Placements to try: seeds 1, 2, ...; 0: no placement and no clock, only the area.",
)
@click.option("--jobs", type=click.IntRange(1), help="Programs at a time.  [default: one a core]")
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write all.")
@click.option(
    "--verilog",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="Measure this file's circuit in place of ours; may be repeated.",
)
@click.option("--top", help="Module to measure, of the Verilog.")
@click.option(
    "--clock",
    "clocks",
    multiple=True,
    help="Its clock; may be repeated, and the slowest counts.  [default: clk]",
)
@click.option("--per-clock", "--samples-per-clock", type=float, default=0.0, help="Its samples.")
@click.option("--latency", type=click.IntRange(0), help="Its latency in cycles.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/fpga"),
    show_default=True,
    help="Where the logs go.",
)
def fpga(
    config: str | None,
    names: tuple[str, ...],
    part_name: str,
    freq: float | None,
    seeds: int,
    jobs: int | None,
    file: Path | None,
    verilog: tuple[Path, ...],
    top: str | None,
    clocks: tuple[str, ...],
    per_clock: float,
    latency: int | None,
    directory: Path,
) -> None:
    """Measure what blocks cost on an FPGA and how fast they run: synthesised, placed and routed.

    Each block is synthesised alone; then its inputs come from a scan chain and its outputs go into
    flip-flops, so that any number of pins fits. That harness adds no look-up table, and its
    flip-flops are not counted. LUT counts all that takes a look-up table: carries and small
    memories, too.

    The same is done to any Verilog with --verilog and --top, so that two can be compared.
    """
    from rich.console import Console

    from .files import write_json
    from .measure import measure, versions
    from .measurement import FORMAT, Case, case
    from .parts import part
    from .progress import Lines
    from .route import PACK
    from .show import show
    from .synthesis import Verilog

    chosen = part(part_name)
    if verilog:
        if not top:
            raise click.UsageError("--verilog needs --top")
        if config or names:
            raise click.UsageError("--verilog goes without a configuration and without --block")
        source = Verilog(verilog, top, clocks or ("clk",))
        cases = [Case(top, source, per_clock, latency_cycles=latency)]
    elif config is None:
        raise click.UsageError("a configuration is needed, or --verilog")
    else:
        for option, given in (("--top", top), ("--clock", clocks), ("--latency", latency)):
            if given:
                raise click.UsageError(f"{option} needs --verilog")
        read = named(config)
        cases = [case(block(name), read) for name in dict.fromkeys(names or _DEFAULT_BLOCKS)]

    console = Console()
    with Lines(Console(stderr=True)) as lines:
        what = "tools: looking, and compiling them if this is their first run (up to a minute each)"
        lines.hear(what, "")
        tools = versions(chosen)
        lines.done(what)
        measurements = measure(
            cases,
            chosen,
            directory / chosen.name,
            freq_mhz=freq,
            seeds=range(1, seeds + 1) if seeds else (PACK,),
            jobs=jobs,
            hear=lines.hear,
            done=lines.done,
        )
    show(measurements, tools, console)
    if file:
        results = [each.to_dict() for each in measurements]
        write_json(file, {"format": FORMAT, "tools": tools, "results": results})
        console.print(f"{file}: all of it", highlight=False, soft_wrap=True)
