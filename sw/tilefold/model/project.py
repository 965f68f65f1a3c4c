"""Projector: a 1 × 1 convolution in integers, in front of the encoder or behind the decoder.

It serves a pointwise convolution with ProChan's K_C folded in, K_C or K_D alone (Rossigneux et al.
2023), and the inverse projection of Tai et al. (2022).
"""

import numpy as np

from tilefold_hw.fixed import Q
from tilefold_hw.layer import Projection

from .arith import Ints, round_shift


def project(x: Ints, projection: Projection, o: Q) -> Ints:
    """Project the channels of every pixel.

    ``y[m] = clamp(round((Σ_n W[m, n]·x[n] + b[m]) · q[m] / 2**r[m]), low, high)``: the sum is
    exact, the one rounding is half up.

    Parameters
    ----------
    x : int[..., C]
        Pixels.
    projection : Projection
        Weights, biases, multipliers, shifts and clamp.
    o : Q
        Format of an output.

    Returns
    -------
    int32[..., K]
    """
    weights = np.array(projection.weights, dtype=np.float64)
    # Exact: a sum of at most 1,024 products of 8 and 17 bits stays far below 2**53.
    sums = (x.astype(np.float64) @ weights.T).astype(np.int64) + np.array(projection.biases)
    scaled = sums * np.array(projection.scales, dtype=np.int64)
    low, high = projection.clip.limits(o)
    shifts = np.array(projection.shifts, dtype=np.int64)
    return np.clip(round_shift(scaled, shifts), low, high).astype(np.int32)
