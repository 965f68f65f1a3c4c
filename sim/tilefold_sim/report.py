"""What the demo found, as a table in the terminal and as files."""

import json
import os
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tilefold_hw.budget import packet_words

from .demo import Result
from .picture import draw


def write(result: Result, directory: Path) -> None:
    """Write ``summary.json`` and ``tiles.png``; the summary last, and whole or not at all."""
    draw(result, directory / "tiles.png")
    path = directory / "summary.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(result.summary(), indent=2) + "\n", encoding="utf-8")
    os.replace(part, path)


def show(result: Result, console: Console) -> None:
    """Print a line for every stored map, and the totals."""
    config = result.bundle.config
    table = Table(title="Every stored map, through the simulated hardware", title_justify="left")
    table.add_column("map")
    table.add_column("channels × pixels")
    for name in ("bits a value", "ratio", "PSNR dB", "saturated", "words predicted", "counted"):
        table.add_column(name, justify="right")
    table.add_column("cycles a sample", justify="right")
    for each in result.traffic:
        site = each.site
        table.add_row(
            site.name,
            f"{site.layer.channels} × {site.height} × {site.width}",
            f"{each.bits_per_value(each.words_predicted(config), config):.2f}",
            f"{each.ratio(config):.2f}",
            f"{each.psnr_db(config):.1f}",
            f"{each.saturated}",
            f"{each.images} × {packet_words(config, site.layer)}",
            f"{each.words_counted}",
            f"{each.cycles / each.samples:.3f}",
        )
    console.print(table)
    total = result.summary()
    for line in (
        f"{total['images']} test images, {total['maps']} maps: {total['words_compared']} words and "
        f"{total['samples_compared']} samples compared with the model, "
        f"{total['mismatches']} mismatches.",
        f"Stored bits a value: {total['guaranteed_bits_per_value']:.3f} guaranteed, "
        f"{total['measured_bits_per_value']:.3f} measured.",
        f"Accuracy on all test images: {total['accuracy_float']:.2%} float, "
        f"{total['accuracy_plain']:.2%} with maps of 8 bits, "
        f"{total['accuracy_compressed']:.2%} with compressed maps "
        f"({result.accuracy_hardware:.2%} on those that went through the hardware).",
        "Ratio: bits of the map as the network made it, 8 a value, over bits stored. Saturated: "
        "coefficients past the range that the training images had.",
    ):
        console.print(line, highlight=False, soft_wrap=True)
