"""What the benches found, as tables in the terminal."""

from inspect import getdoc

from rich.console import Console
from rich.table import Table

from .benches import BENCHES, SIMULATORS, bench, scenarios
from .runner import Report, installed

_FAILURE_LINES = 12  # the end of a traceback, where it says what differed


def show(report: Report, console: Console) -> None:
    """Print how a bench went: a line a scenario, and for those that failed, why."""
    table = Table(
        title=f"{report.bench} on {report.simulator}, built in {report.build_seconds:.0f} s",
        title_justify="left",
    )
    table.add_column("promise")
    table.add_column("kept")
    table.add_column("seconds", justify="right")
    for played in report.played:
        kept = "[red]no" if played.failure else "[green]yes"
        table.add_row(_words(played.name), kept, f"{played.seconds:.1f}")
    console.print(table)
    for played in report.played:
        if played.failure:
            console.print(f"[red]{_words(played.name)}[/red]: broken", highlight=False)
            for line in played.failure.splitlines()[-_FAILURE_LINES:]:
                console.print(f"    {line}", markup=False, highlight=False, soft_wrap=True)
    if not report.played:
        console.print("[red]no promise was tried[/red]")
    for path, what in ((report.log, "what the simulator said"), (report.waves, "the waves")):
        if path:
            console.print(f"{path}: {what}", highlight=False, soft_wrap=True)


def show_benches(console: Console) -> None:
    """Print what benches and simulators there are."""
    for name in BENCHES:
        table = Table(title=name, title_justify="left", show_header=False)
        for scenario, function in scenarios(bench(name)).items():
            first = (getdoc(function) or "").partition("\n")[0]
            table.add_row(_words(scenario), first)
        console.print(table)
    for simulator in SIMULATORS:
        console.print(f"{simulator}: {'installed' if installed(simulator) else 'not installed'}")


def _words(name: str) -> str:
    """Turn a function's name into the sentence that it is."""
    return name.replace("_s_", "'s ").replace("_", " ")
