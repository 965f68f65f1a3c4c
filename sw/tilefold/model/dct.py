"""Two-dimensional DCT-II of tiles and its inverse, in integers.

Two passes of an exact integer matrix product, each rounded once, half up: rows first on the way
there, columns first on the way back, because the circuit meets the samples of a tile in that order.
"""

import numpy as np

from tilefold_hw.transform import Pass, Transform

from .arith import Ints, round_shift


def dct(tiles: Ints, transform: Transform) -> Ints:
    """Transform tiles into coefficients.

    Error against the real DCT: at most :func:`~tilefold_hw.error.error_bound`, which for N = 8 and
    18-bit multipliers is 0.57 for 8-bit samples, 0.91 for 12-bit and 1.83 for 16-bit ones, where
    rounding to an integer is 0.5 (``test_dct.py::test_error_is_within_the_proved_bound``).

    Parameters
    ----------
    tiles : int[..., n·n]
        Centred samples of a tile, raster order.

    Returns
    -------
    int32[..., n·n]
        Coefficients in scan order, raster over (u, v): *u* horizontal, *v* vertical frequency.
    """
    n = transform.n
    rows = tiles.reshape(*tiles.shape[:-1], n, n)  # [y, x]
    middle = _columns(rows.swapaxes(-1, -2), transform.forward_rows)  # [u, y]
    return (
        _columns(middle.swapaxes(-1, -2), transform.forward_columns)
        .swapaxes(-1, -2)
        .reshape(tiles.shape)
    )


def idct(coefficients: Ints, transform: Transform) -> Ints:
    """Transform coefficients back into tiles: the inverse of :func:`dct`, but for rounding.

    Error against the real inverse DCT: at most :func:`~tilefold_hw.error.error_bound`, which tells
    also what is lost there and back. For 9-bit samples and 18-bit multipliers every criterion of
    IEEE 1180-1990 is met (``test_dct.py::test_inverse_meets_ieee_1180``).

    Parameters
    ----------
    coefficients : int[..., n·n]
        Coefficients in scan order.

    Returns
    -------
    int32[..., n·n]
        Restored samples around zero, raster order, not clipped.
    """
    n = transform.n
    columns = coefficients.reshape(*coefficients.shape[:-1], n, n)  # [u, v]
    middle = _columns(columns.swapaxes(-1, -2), transform.inverse_columns)  # [y, u]
    return (
        _columns(middle.swapaxes(-1, -2), transform.inverse_rows)
        .swapaxes(-1, -2)
        .reshape(coefficients.shape)
    )


def _columns(x: Ints, step: Pass) -> Ints:
    """Apply one pass to every column of ``int[..., n, n]``."""
    # Exact: products of at most 18 and 24 bits, 16 of them, stay far below 2**53.
    matrix = np.array(step.matrix, dtype=np.float64)
    sums = (matrix @ x.astype(np.float64)).astype(np.int64)
    return round_shift(sums, step.shift).astype(np.int32)
