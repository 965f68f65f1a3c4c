"""Quantiser: each coefficient rounded right by its shift and saturated to its width."""

import numpy as np

from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Layer

from .arith import Ints, round_shift, saturate


def channel_tables(layer: Layer) -> tuple[Ints, Ints]:
    """Widths and shifts of every stored channel: two ``int32[K, n·n]``, in scan order."""
    index = list(layer.index)
    widths = np.array([table.widths for table in layer.tables], dtype=np.int32)
    shifts = np.array([table.shifts for table in layer.tables], dtype=np.int32)
    return widths[index], shifts[index]


def quantise(coefficients: Ints, widths: Ints, shifts: Ints) -> tuple[Ints, int]:
    """Quantise coefficients.

    Parameters
    ----------
    coefficients : int[..., n·n]
        Coefficients in scan order.
    widths, shifts : int[..., n·n]
        Table entries, broadcast against *coefficients*.

    Returns
    -------
    fields : int32[..., n·n]
        Fields, each within its width; 0 where the width is 0.
    saturated : int
        How many coefficients their width could not hold, dropped ones not counted.
    """
    # Exact: a coefficient has at most 20 bits.
    coefficients, widths, shifts = (x.astype(np.int32) for x in (coefficients, widths, shifts))
    rounded = round_shift(coefficients, shifts)
    # A width of w bits holds -2**(w-1) … 2**(w-1) - 1; width 0 holds 0 alone.
    high = (1 << widths >> 1) - 1
    low = np.where(widths == 0, 0, -high - 1)
    fields = np.clip(rounded, low, np.where(widths == 0, 0, high))
    return fields, int(np.count_nonzero((fields != rounded) & (widths > 0)))


def dequantise(fields: Ints, shifts: Ints, config: CodecConfig) -> Ints:
    """Undo :func:`quantise`: shift left, saturated to the format of a coefficient.

    Parameters
    ----------
    fields : int[..., n·n]
        Fields in scan order.
    shifts : int[..., n·n]
        Table entries, broadcast against *fields*.

    Returns
    -------
    int32[..., n·n]
    """
    wide = np.left_shift(fields.astype(np.int64), shifts)
    return saturate(wide, config.coefficient).astype(np.int32)
