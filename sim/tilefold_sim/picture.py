"""The demo's picture: maps before and after, their difference, and the tables."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from tilefold_hw.transform import scan

from .demo import Result, Traffic

_DPI = 110
_TITLES = ("before", "after", "difference", "bits a coefficient")


def draw(result: Result, path: Path) -> None:
    """Draw a row for every stored map of the first image, and write it as a PNG.

    Each row shows the channel with the most energy: as it was, as it came back, the difference,
    and the bits that its table gives to each coefficient.
    """
    matplotlib.use("Agg")
    rows = len(result.traffic)
    figure = Figure(figsize=(11, 2.6 * rows), layout="constrained")
    axes = figure.subplots(rows, 4, squeeze=False)
    for row, traffic in zip(axes, result.traffic, strict=True):
        _draw_site(row, traffic, result)
    for axis, title in zip(axes[0], _TITLES, strict=True):
        axis.set_title(title)
    figure.savefig(path, dpi=_DPI)


def _draw_site(row, traffic: Traffic, result: Result) -> None:
    site = traffic.site
    config = site.layer.on(result.bundle.config)
    deviation = traffic.before.astype(np.float64) - site.zero
    channel = int((deviation**2).sum(axis=(1, 2)).argmax())
    before, after = traffic.before[channel], traffic.after[channel]
    difference = after - before
    spread = max(1, int(np.abs(difference).max()))
    table = site.layer.tables[site.layer.index[channel]]
    widths = np.zeros((config.tile, config.tile), dtype=int)
    for (u, v), width in zip(scan(config.tile), table.widths, strict=True):
        widths[v, u] = width

    limits = {"vmin": before.min(), "vmax": before.max(), "cmap": "gray"}
    row[0].imshow(before, **limits)
    row[1].imshow(after, **limits)
    row[2].imshow(difference, vmin=-spread, vmax=spread, cmap="RdBu")
    row[3].imshow(widths, vmin=0, vmax=config.field.width, cmap="viridis")
    row[0].set_ylabel(f"{site.name}\nchannel {channel} of {site.layer.channels}")
    row[1].set_xlabel(f"{traffic.psnr_db(config):.1f} dB over all images")
    row[2].set_xlabel(f"−{spread} (red) to {spread} (blue)")
    row[3].set_xlabel(f"u → ({table.bits} bits a tile, step {1 << max(table.shifts)})")
    row[3].set_ylabel("v")
    light = config.field.width // 2
    for v in range(config.tile):
        for u in range(config.tile):
            color = "black" if widths[v, u] > light else "white"
            row[3].text(u, v, widths[v, u], ha="center", va="center", fontsize=6, color=color)
    for axis in row:
        axis.set_xticks([])
        axis.set_yticks([])
