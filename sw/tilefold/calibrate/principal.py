"""Principal components of a stored map's channels: which to keep, and the projection onto them.

They are centred: uncentred, the first component only tells the mean, and the others are not those
that an error is smallest for. The mean is in the biases instead.
"""

import heapq
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .projection import Pair
from .statistics import Statistics

Floats = NDArray[np.float64]

_NOISE = 1e-6
"""Variance that may be rounding, as a share of the mean square: what `gather` promises."""


def components(statistics: Statistics, energy: float) -> int:
    """Fewest principal components that hold a share *energy* of the map's energy.

    Energy is variance, summed over the channels: the eigenvalues, not their roots. What may be the
    rounding of the statistics counts as nothing, so that a share of 1 is the map's rank.

    Source
    ------
    Tai et al. 2022, equation 4.
    """
    if not 0 < energy <= 1:
        raise ValueError(f"energy must be more than 0 and at most 1, not {energy}")
    eigenvalues, _ = statistics.principal()
    noise = _NOISE * (statistics.channels.variance + statistics.channels.mean**2).sum()
    # What is lost if 0, 1, 2 … components are kept.
    lost = np.append(np.cumsum(eigenvalues[::-1])[::-1], 0)
    allowed = (1 - energy) * lost[0] + noise
    return max(1, int(np.argmax(lost <= allowed)))


def principal(statistics: Statistics, kept: int, *, unbiased: bool = False) -> Pair:
    """Project a map to its first *kept* principal components.

    Restored, a map is off by no more than the energy of those dropped: no projection to as many
    channels does better.

    Parameters
    ----------
    statistics : Statistics
        Of the map.
    kept : int
        Components, 1 to the number of channels.
    unbiased : bool
        Have no biases, for where none can be folded: in front of a border of zeros. The mean's own
        direction is then the first that is kept, so that the mean is restored, and the principal
        components of what is at right angles to it are the others.
    """
    channels = len(statistics.channels.mean)
    if not 1 <= kept <= channels:
        raise ValueError(f"components must be 1 to {channels}, not {kept}")
    mean = statistics.channels.mean
    if unbiased:
        rows = _around(mean, statistics)[:kept]
        return Pair(_floats(rows), _floats(rows.T))
    rows = statistics.principal()[1][:kept]
    return Pair(_floats(rows), _floats(rows.T), _floats(-rows @ mean), _floats(mean))


def rotated(pair: Pair, statistics: Statistics) -> Pair:
    """Store the principal components of what a projection stores; it restores the same.

    Training mixes components, so that each of them varies about as much as any other, and then
    takes as many bits. Here the columns of *expand* are made orthonormal, so that what rounding
    adds to what is stored it adds to what is restored, and turned so that what is stored is
    uncorrelated, with the largest variance first, and centred.

    Parameters
    ----------
    pair : Pair
        With biases or without; what is returned has both.
    statistics : Statistics
        Of the map.
    """
    compress, expand = (_doubles(each) for each in (pair.compress, pair.expand))
    basis, upper = np.linalg.qr(expand)
    rows = upper @ compress
    _, vectors = np.linalg.eigh(rows @ statistics.covariance @ rows.T)
    turn = vectors[:, ::-1]
    rows, basis = turn.T @ rows, basis @ turn
    mean = statistics.channels.mean
    bias = np.zeros(len(mean)) if pair.expand_bias is None else _doubles(pair.expand_bias)
    stored = compress @ mean
    if pair.compress_bias is not None:
        stored = stored + _doubles(pair.compress_bias)
    return Pair(
        _floats(rows), _floats(basis), _floats(-rows @ mean), _floats(bias + expand @ stored)
    )


def greedy(
    eigenvalues: Mapping[str, Floats], bits: Mapping[str, Floats], most: float
) -> dict[str, int]:
    """Choose how many components each map keeps, for all maps together.

    From all of them, the last component of one map is dropped at a time: that of the map which then
    has lost the smallest share of its energy, all that it lost before included, for each bit that
    this saves.

    Parameters
    ----------
    eigenvalues : mapping of str to float64[C]
        Of each map, largest first.
    bits : mapping of str to float64[C]
        What each component takes, in any unit that is the same for all maps: its channel's size
        under the code that the map will be stored with.
    most : float
        Bits that all maps may take together.

    Returns
    -------
    dict of int
        Components by name, at least one each.

    Raises
    ------
    ValueError
        If one component of each map takes more than *most*.

    Source
    ------
    Tai et al. 2022, equations 8 to 10, with eigenvalues, not their roots, in equation 9.
    """
    kept = {name: len(values) for name, values in eigenvalues.items()}
    total = sum(float(sum(each)) for each in bits.values())
    pending = [_drop(name, eigenvalues[name], bits[name], kept[name]) for name in kept]
    heapq.heapify(pending)
    while total > most:
        if not pending:
            raise ValueError(
                f"bits must be at least {total:.6g}, one component of each map, not {most:.6g}"
            )
        _, name = heapq.heappop(pending)
        if kept[name] == 1:
            continue
        kept[name] -= 1
        total -= float(bits[name][kept[name]])
        heapq.heappush(pending, _drop(name, eigenvalues[name], bits[name], kept[name]))
    return kept


def _drop(name: str, eigenvalues: Floats, bits: Floats, kept: int) -> tuple[float, str]:
    """Energy lost without the last of *kept* components for each bit it saves, and whose it is."""
    tiny = np.finfo(np.float64).tiny
    share = eigenvalues[kept - 1 :].sum() / max(float(eigenvalues.sum()), tiny)
    return float(share) / max(float(bits[kept - 1]), tiny), name


def _around(mean: Floats, statistics: Statistics) -> Floats:
    """Directions of a map, ``float64[C, C]`` in rows: its mean's, then principal components."""
    if np.square(mean).sum() <= _NOISE * statistics.channels.variance.sum():
        return statistics.principal()[1]
    basis = np.linalg.qr(mean[:, np.newaxis], mode="complete").Q
    beside = basis[:, 1:]  # at right angles to the mean
    _, vectors = np.linalg.eigh(beside.T @ statistics.covariance @ beside)
    return np.concatenate([basis[:, :1], beside @ vectors[:, ::-1]], axis=1).T


def _doubles(values: Tensor) -> Floats:
    return values.detach().double().numpy()


def _floats(values: Floats) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).float()
