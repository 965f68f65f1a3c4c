"""Progress of long work, a bar for each of its parts."""

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)


class Bars:
    """Bars in a terminal; where there is none, a line as each part begins."""

    def __init__(self, console: Console):
        self._console = console
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def show(self, what: str, done: int, total: int) -> None:
        """Show that *done* of *total* of a part of the work is done."""
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
            if not self._console.is_terminal:
                self._console.print(f"{what} ...", highlight=False)
        self._progress.update(self._tasks[what], completed=done, total=total)
