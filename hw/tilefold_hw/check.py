"""Checks of numbers that come from outside, in one wording."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager


def require(value: object, low: int, high: int, name: str) -> None:
    """Raise unless *value* is an ``int`` from *low* to *high*; the message calls it *name*.

    A NumPy integer is refused, because sums of small ones wrap; so is a bool.
    """
    if type(value) is not int:
        raise TypeError(f"{name} must be a Python int, not {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} must be {low} to {high}, not {value}")


def require_each(values: Sequence[object], low: int, high: int, name: Callable[[int], str]) -> None:
    """Apply :func:`require` to all *values*; the message calls number *n* ``name(n)``."""
    for n, value in enumerate(values):
        if type(value) is not int or not low <= value <= high:
            require(value, low, high, name(n))


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put *name* in front of what a ``ValueError`` or ``TypeError`` raised inside says."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise type(error)(f"{name}: {error}") from None
