"""Progress of programs that run side by side: a line each, with what it is at."""

import re
from threading import Lock
from types import TracebackType

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

# What a line of a log tells about how far things are.
_STAGES = (
    (r"Preparing to run (yowasp-\S+)\.", r"compiling \1, once on this machine, up to a minute"),
    (r"(\d+\.\d+)\. Executing (\S+) pass", r"step \1, \2"),
    (r"Info: Packing", "packing"),
    (r"Info: Creating initial .*placement", "placing"),
    (r"Info: Running main analytical placer", "placing"),
    (r"Info: Running simulated annealing", "refining the placement"),
    (r"Info: Routing\.\.|Info: Running router", "routing"),
    (r"Info:\s+iter=(\d+) .*overused=(\d+)", r"routing, round \1, \2 wires too many"),
)


class Lines:
    """Lines in a terminal; where there is none, one as each program begins."""

    def __init__(self, console: Console):
        self._console = console
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[stage]}", style="dim"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._lock = Lock()

    def __enter__(self) -> "Lines":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def hear(self, what: str, line: str) -> None:
        """Show how far *what* is, from a *line* of its log; an empty one begins it."""
        with self._lock:
            if what not in self._tasks:
                self._tasks[what] = self._progress.add_task(what, stage="", total=1)
                if not self._console.is_terminal:
                    self._console.print(f"{what} ...", highlight=False)
            for pattern, stage in _STAGES:
                if found := re.match(pattern, line):
                    self._progress.update(self._tasks[what], stage=found.expand(stage))

    def done(self, what: str) -> None:
        """Take the line of *what* away."""
        with self._lock:
            self._progress.update(self._tasks[what], completed=1, visible=False)
