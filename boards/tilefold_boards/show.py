"""What was measured, as tables in the terminal."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .measurement import Measurement

# Narrow enough for a terminal of 80 columns.
_COLUMNS = (
    "block",
    "LUT",
    "FF",
    "DSP",
    "BRAM",
    "Fmax MHz",
    "/clk",
    "M/s",
    "M/s\n/kLUT",
    "M/s\n/DSP",
    "late\nclk",
    "late\nns",
)


def show(measurements: Sequence[Measurement], versions: dict[str, str], console: Console) -> None:
    """Print a line a measurement, and what there is to say of it."""
    first = measurements[0]
    tools = ", ".join(f"{name} {version}" for name, version in versions.items())
    title = f"{first.part.title}; {_clocked(first)}\n{tools}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name == "block" else "right", no_wrap=True)
    for each in measurements:
        table.add_row(each.case.name, *_figures(each))
    console.print(table)
    if first.part.family.caveat:
        console.print(first.part.family.caveat, highlight=False, soft_wrap=True)
    for each in measurements:
        name = each.case.name
        if each.capped:
            console.print(
                f"{name}: rated at {each.clock_mhz:g} MHz, not {each.fmax_mhz:.1f}: nextpnr does "
                "not time multipliers and block memories inside, and they bear no more",
                highlight=False,
                soft_wrap=True,
            )
        if path := each.typical.path:
            console.print(f"{name}: {path.words}", markup=False, highlight=False, soft_wrap=True)


def show_front(
    best: Sequence[Measurement], measured: Sequence[Measurement], console: Console
) -> None:
    """Print the *best* of all *measured*, with what tells their configurations apart."""
    title = f"{len(best)} of {len(measured)}: nothing is smaller and faster than these"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    columns = ("block", "part", "configuration", "LUT", "FF", "DSP", "BRAM", "Fmax MHz", "M/s")
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number < 3 else "right", overflow="fold")
    varying = _varying(measured)
    for each in best:
        told = (each.to_dict()["config"] or {}).items()
        mine = "\n".join(f"{name} {value}" for name, value in told if name in varying)
        figures = (each.luts, each.flip_flops, each.dsps, each.brams)
        clocked = (each.fmax_mhz, each.rate)
        table.add_row(
            each.case.name,
            each.part.name,
            mine,
            *map(str, figures),
            *(f"{figure:.0f}" if figure else "" for figure in clocked),
        )
    console.print(table)


def _varying(measurements: Sequence[Measurement]) -> set[str]:
    """Fields in which the configurations differ."""
    configs = [each.to_dict()["config"] or {} for each in measurements]
    return {
        name for name in configs[0] if any(config[name] != configs[0][name] for config in configs)
    }


def _clocked(first: Measurement) -> str:
    seeds = len(first.routed)
    if not first.fmax_mhz:
        return "neither placed nor routed"
    return f"aim {first.freq_mhz:g} MHz, median of {seeds} seed{'s' * (seeds != 1)}"


def _figures(each: Measurement) -> list[str]:
    clocks = [run.fmax_mhz for run in each.routed]
    spread = f" ({min(clocks):.0f}-{max(clocks):.0f})" if len(clocks) > 1 else ""
    case = each.case
    rated = case.per_clock > 0 and each.fmax_mhz
    return [
        str(each.luts),
        str(each.flip_flops),
        str(each.dsps),
        str(each.brams),
        f"{each.fmax_mhz:.1f}{spread}" if each.fmax_mhz else "",
        f"{case.per_clock:g}{' MAC' * (case.unit == 'MAC')}" if case.per_clock else "",
        f"{each.rate:.0f}" if rated else "",
        f"{each.rate * 1e3 / each.luts:.1f}" if rated and each.luts else "",
        f"{each.rate / each.dsps:.1f}" if rated and each.dsps else "",
        "" if case.latency_cycles is None else str(case.latency_cycles),
        "" if each.latency_ns is None else f"{each.latency_ns:.0f}",
    ]
