"""Plot of a comparison as a picture of its own: accuracy against rate."""

import os
from io import BytesIO

from ..files import write_whole
from .comparison import Comparison

MARKERS = "osDv^<>P"

DEEPEST = 20
"""Points of accuracy below floating point that are shown; what loses more is of no use."""


def draw(comparison: Comparison, path: str | os.PathLike[str]) -> None:
    """Draw all lines into an SVG; the same figures give the same bytes.

    Filled marks are guaranteed. Open ones are means, and a thin line leads from each to the image
    that takes most. What loses more than :data:`DEEPEST` points lies below the picture.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "tilefold", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 4.5), layout="constrained")
        axes = figure.subplots()
        for number, line in enumerate(each for each in comparison.lines if each.rates):
            rates = sorted(line.rates, key=lambda rate: rate.bits)
            bits = [rate.bits for rate in rates]
            accuracy = [100 * rate.accuracy for rate in rates]
            colour = f"C{number % 10}"
            axes.plot(
                bits,
                accuracy,
                marker=MARKERS[number % len(MARKERS)],
                color=colour,
                linestyle="-" if line.guaranteed else "--",
                markerfacecolor=colour if line.guaranteed else "none",
                label=f"{line.name} ({'guaranteed' if line.guaranteed else 'mean'})",
            )
            axes.hlines(accuracy, bits, [rate.worst for rate in rates], colors=colour, linewidth=1)
        axes.axhline(
            100 * comparison.accuracy_float, color="grey", linestyle=":", label="floating point"
        )
        if axes.get_ylim()[0] < (deepest := 100 * comparison.accuracy_float - DEEPEST):
            axes.set_ylim(bottom=deepest)
        axes.set_xlabel("bits a value")
        axes.set_ylabel("accuracy in %")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
        picture = BytesIO()
        figure.savefig(picture, format="svg", metadata={"Date": None})
    write_whole(path, picture.getvalue())
