"""What the demo found, as a table in the terminal and as files."""

import json
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from tilefold.files import write_whole
from tilefold_hw.budget import packet_words

from .demo import Result
from .picture import draw


def write(result: Result, directory: Path) -> None:
    """Write ``summary.json`` and ``tiles.png``; the summary last, and whole or not at all."""
    draw(result, directory / "tiles.png")
    summary = json.dumps(result.summary(), indent=2) + "\n"
    write_whole(directory / "summary.json", summary.encode())


def show(result: Result, console: Console) -> None:
    """Print a line for every stored map, and the totals. It fits a terminal of 80 columns."""
    config = result.bundle.config
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_footer=True)
    total = result.summary()
    ratio = sum(t.original_bits(config) for t in result.traffic) / result.stored_bits
    for header, footer in (
        ("map", "all"),
        ("channels\n× pixels", ""),
        ("bits a\nvalue", f"{total['guaranteed_bits_per_value']:.2f}"),
        ("\nratio", f"{ratio:.2f}"),
        ("PSNR\ndB", ""),
        ("satu-\nrated", f"{sum(t.saturated for t in result.traffic)}"),
        ("words\npredicted", f"{sum(t.words_predicted(config) for t in result.traffic)}"),
        ("words\ncounted", f"{sum(t.words_counted for t in result.traffic)}"),
        ("cycles\na sample", f"{total['cycles_per_sample']:.3f}"),
    ):
        left = header.startswith(("map", "channels"))
        table.add_column(header, footer, justify="left" if left else "right", no_wrap=True)
    for each in result.traffic:
        site = each.site
        table.add_row(
            site.name,
            f"{site.layer.channels}×{site.height}×{site.width}",
            f"{each.bits_per_value(config):.2f}",
            f"{each.ratio(config):.2f}",
            f"{each.psnr_db(config):.1f}",
            f"{each.saturated}",
            f"{each.images}×{packet_words(config, site.layer)}",
            f"{each.words_counted}",
            f"{each.cycles / each.samples:.3f}",
        )
    console.print(table)
    for line in (
        f"{total['images']} test images, {total['maps']} maps: {total['words_compared']} words and "
        f"{total['samples_compared']} samples compared with the model, "
        f"{total['mismatches']} mismatches.",
        f"Stored bits a value: {total['guaranteed_bits_per_value']:.3f} guaranteed, "
        f"{total['measured_bits_per_value']:.3f} measured.",
        f"Accuracy on all test images: {total['accuracy_float']:.2%} in floating point, "
        f"{total['accuracy_plain']:.2%} with plain {config.sample_width}-bit maps, "
        f"{total['accuracy_compressed']:.2%} with compressed maps; "
        f"{result.accuracy_hardware:.2%} on the images that went through the hardware.",
        "(ratio: bits of the map before any projection, plain, over bits stored; saturated: "
        "coefficients past the range of the training images)",
    ):
        console.print(line, highlight=False, soft_wrap=True)
