"""Pictures of cost against one field of the configuration."""

from collections.abc import Sequence
from pathlib import Path

from ..measurement import Measurement

_PANELS = (
    ("luts", "look-up tables"),
    ("dsps", "multipliers"),
    ("rate", "millions of samples a second"),
)


def draw(measured: Sequence[Measurement], name: str, path: Path) -> None:
    """Draw cost and rate of each block against the field *name*; same figures, same bytes."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    blocks: dict[str, list[Measurement]] = {}
    for each in sorted(measured, key=lambda each: _value(each, name)):
        blocks.setdefault(each.case.name, []).append(each)
    with rc_context({"svg.hashsalt": "tilefold", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 3), layout="constrained")
        for axes, (figure_of, label) in zip(figure.subplots(1, 3), _PANELS, strict=True):
            for block, line in blocks.items():
                axes.plot(
                    [_value(each, name) for each in line],
                    [getattr(each, figure_of) for each in line],
                    marker="o",
                    label=block,
                )
            axes.set_title(label, fontsize=10)
            axes.set_xlabel(name.replace("_", " "))
            axes.set_xticks(sorted({_value(each, name) for each in measured}))
            axes.set_ylim(bottom=0)
            axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})


def _value(each: Measurement, name: str) -> int:
    return int(getattr(each.case.config, name))
