"""Integer arithmetic of the golden model: the one rounding, saturation, and what arrays hold."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilefold_hw.fixed import Q

Ints = NDArray[np.integer[Any]]
"""Raw integers of any width; the docstring's ``int[shape]``."""


def round_shift(x: Ints, shift: int | Ints) -> Ints:
    """Divide by ``2**shift`` and round to the nearest integer, half up.

    Parameters
    ----------
    x : int[...]
        Raw integers, with a bit to spare for the half.
    shift : int or int[...]
        Bits to drop, broadcast against *x*.
    """
    half = np.left_shift(x.dtype.type(1), shift) >> 1
    return (x + half) >> shift


def saturate(x: Ints, q: Q) -> Ints:
    """Clamp to the range of format *q*."""
    return np.clip(x, q.min, q.max)


def require_array(x: object, name: str) -> None:
    """Raise unless *x* is an array of integers; the message calls it *name*."""
    if not isinstance(x, np.ndarray):
        raise TypeError(f"{name} must be an array of integers, not {type(x).__name__}")
    if x.dtype.kind not in "iu":
        raise TypeError(f"{name} must be an array of integers, not of {x.dtype}")


def require(x: Ints, q: Q, name: str) -> None:
    """Raise unless *x* holds integers of format *q*; the message calls it *name*."""
    require_array(x, name)
    outside = (x < q.min) | (x > q.max)
    if outside.any():
        place = np.unravel_index(int(outside.argmax()), x.shape)
        raise ValueError(
            f"{name} must be {q.min} to {q.max}, not {x[place]} at {tuple(map(int, place))}"
        )
