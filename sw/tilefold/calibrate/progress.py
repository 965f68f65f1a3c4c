"""Progress of long work, told to whoever wants to show it."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is, or 0."""


def quietly(what: str, done: int, total: int) -> None:
    """Tell nobody."""
