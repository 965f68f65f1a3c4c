"""Verbs of the host: what they are called with and what they print."""

import json
from dataclasses import asdict

import click

from tilefold_hw.config import named
from tilefold_hw.estimate import LATENCIES, built, coefficients, errors, group_cycles
from tilefold_hw.estimate import estimate as estimated

_COLUMNS = ("block", "LUT", "FF", "DSP", "BRAM", "clk late", "LUT off by")


@click.command()
@click.argument("config", metavar="CONFIG|PRESET")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def estimate(config: str, as_json: bool) -> None:
    """Estimate what a configuration costs on an ECP5, in milliseconds and without any tool.

    LUT counts carries and small memories, too. Latencies and cycles are exact; they are told for a
    layer with all channels that keeps half of its coefficients. What is measured, at length:
    tilefold fpga.
    """
    read = named(config)
    found = {
        block: {
            **asdict(estimated(block, read)),
            "latency_cycles": LATENCIES[block](read),
            "errors": errors(block),
        }
        for block in built(read)
    }
    cycles = group_cycles(read)
    if as_json:
        told = {"part": coefficients()["part"], "group_cycles": cycles, "blocks": found}
        click.echo(json.dumps(told, indent=2))
        return
    rows: list[tuple[str, ...]] = [_COLUMNS]
    for block, cost in found.items():
        off = cost["errors"]["luts"]
        rows.append(
            (
                block,
                *(str(cost[name]) for name in ("luts", "flip_flops", "dsps", "brams")),
                str(cost["latency_cycles"]),
                f"{off['median']:.0%}, at most {off['max']:.0%}",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    click.echo(coefficients()["part"])
    for row in rows:
        first, *rest = (
            cell.ljust(width) if number in (0, 6) else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        click.echo("  ".join((first, *rest)).rstrip())
    samples = read.pixels * read.channels
    click.echo(f"{cycles} cycles for a tile group of {samples} samples")
    click.echo("LUT off by: on circuits that the estimate was not fitted to, at the median")
