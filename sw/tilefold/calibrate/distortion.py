"""Distortion: what a width and a shift would do to a coefficient, by its histogram."""

import numpy as np
from numpy.typing import NDArray

from tilefold_hw.config import CodecConfig

from ..model.quantise import dequantise, quantise
from .histogram import Histogram

DC = 0
"""Place of the DC in scan order."""


def distortion(histogram: Histogram, config: CodecConfig) -> NDArray[np.float64]:
    """Mean square of the error that every width and shift would make.

    A DC must not saturate on the images that were seen, since that would shift a whole tile:
    settings that do so cost infinitely much, and so does dropping it.

    Parameters
    ----------
    histogram : Histogram
    config : CodecConfig
        With the tile of the site.

    Returns
    -------
    float64[C, K, widths, shifts]
        In units of a sample, squared.
    """
    channels, pixels, _ = histogram.counts.shape
    counts = histogram.counts.reshape(channels * pixels, -1)
    seen = counts.any(axis=0)
    counts, values = counts[:, seen], histogram.values[seen]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    there = (counts[DC::pixels] > 0).astype(np.float32)

    errors = np.empty((channels * pixels, config.field.width + 1, config.shift_max + 1))
    for width in range(errors.shape[1]):
        off, lost = _errors(values, width, errors.shape[2], histogram.step, config)
        errors[:, width] = shares @ off.T
        # Counted, not weighed: one value in a million is one too many.
        errors[DC::pixels, width][there @ lost.T.astype(np.float32) > 0] = np.inf
    return errors.reshape(channels, pixels, *errors.shape[1:])


def _errors(
    values: NDArray[np.int64], width: int, shifts: int, step: int, config: CodecConfig
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Squared error of every value at every shift, and whether it saturates: two [shifts, bins]."""
    every = np.arange(shifts)[:, np.newaxis]
    widths = np.array(width)
    fields, _ = quantise(values[np.newaxis], widths, every)
    unbounded, _ = quantise(values[np.newaxis], np.array(config.coefficient.width + 1), every)
    restored = dequantise(fields, every, config)
    # Values that share a bin differ by what a shift within it would round away.
    within = (np.minimum(1 << every, step) ** 2 - 1) / 12
    return (restored - values) ** 2 + within, (fields != unbounded) | (width == 0)
