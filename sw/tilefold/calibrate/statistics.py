"""Statistics of stored maps: ranges, moments of their coefficients, and principal components.

They are gathered batch by batch, so that no more than a batch is ever in memory.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx

from .dct import dct
from .forward import forward
from .progress import Progress, quietly
from .sites import StoredMap

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Ranges, means and variances of some quantities."""

    #: float64[...]: the smallest and the largest value of each.
    low: Floats
    high: Floats
    mean: Floats
    #: Mean square of the distance from the mean.
    variance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """What a stored map holds on the images that were seen."""

    #: Pixels of all images: values a channel.
    pixels: int
    #: Of each channel: float64[C].
    channels: Moments
    #: Share of the values that are zero.
    zeros: float
    #: Of each coefficient of each channel, tiles at the borders padded: float64[C, n·n].
    coefficients: Moments
    #: Between the channels of a pixel: float64[C, C].
    covariance: Floats

    def principal(self) -> tuple[Floats, Floats]:
        """Principal components of the channels, centred on their means.

        Returns
        -------
        eigenvalues : float64[C]
            Variance along each component, largest first.
        components : float64[C, C]
            ``components[k]`` is the unit vector of the *k*-th.
        """
        eigenvalues, vectors = np.linalg.eigh(self.covariance)
        # Rounding may make the smallest ones a little less than nothing.
        return np.maximum(eigenvalues[::-1], 0), vectors[:, ::-1].T


def gather(
    network: fx.GraphModule,
    maps: Iterable[StoredMap],
    batches: Iterable[Tensor],
    tile: int = 8,
    total: int = 0,
    progress: Progress = quietly,
) -> dict[str, Statistics]:
    """Gather the statistics of *maps* over some images.

    Parameters
    ----------
    maps : iterable of StoredMap
        Maps of this network that can be compressed.
    batches : iterable of float32[n, ...]
        The images.
    tile : int
        Points on a side of a tile.
    total : int
        Images in all, for *progress*.

    Returns
    -------
    dict of Statistics
        By name of the map. A batch is summed up in float32: variances are within 1e-6 of the mean
        square (``test_statistics.py::test_statistics_of_batches_are_those_of_all``).

    Raises
    ------
    ValueError
        If there is no image, or a map is not finite.
    """
    maps = tuple(maps)
    gathered = {each.name: _Gathered(each.name, each.shape[0], tile) for each in maps}

    def collect(name: str, values: Tensor) -> Tensor:
        gathered[name].add(values)
        return values

    done = 0
    with torch.no_grad():
        for batch in batches:
            progress("gathering statistics", done, total)
            forward(network, maps, batch, collect)
            done += len(batch)
    progress("gathering statistics", done, total)
    if not done:
        raise ValueError("images must be at least one, not none")
    return {name: each.result() for name, each in gathered.items()}


class _Sums:
    """Sums from which :class:`Moments` follow."""

    def __init__(self, *shape: int):
        self.count = 0
        self.low = torch.full(shape, torch.inf)
        self.high = torch.full(shape, -torch.inf)
        self.sum = torch.zeros(shape, dtype=torch.float64)
        self.squares = torch.zeros(shape, dtype=torch.float64)

    def add(self, values: Tensor, axes: tuple[int, ...]) -> None:
        """Add *values* over *axes*."""
        self.count += prod(values.shape[axis] for axis in axes)
        self.low = torch.minimum(self.low, values.amin(axes))
        self.high = torch.maximum(self.high, values.amax(axes))
        self.sum += values.sum(axes)
        self.squares += values.square().sum(axes)

    def result(self) -> Moments:
        mean = self.sum / self.count
        variance = (self.squares / self.count - mean.square()).clamp(min=0)
        return Moments(*(each.double().numpy() for each in (self.low, self.high, mean, variance)))


class _Gathered:
    """Sums of one map so far."""

    def __init__(self, name: str, channels: int, tile: int):
        self.name = name
        self.tile = tile
        self.nonzeros = 0
        self.channels = _Sums(channels)
        self.coefficients = _Sums(channels, tile * tile)
        self.products = torch.zeros(channels, channels, dtype=torch.float64)

    def add(self, maps: Tensor) -> None:
        rows = maps.flatten(2)
        products = (rows @ rows.transpose(1, 2)).double().sum(0)
        if not products.isfinite().all():
            raise ValueError(f"map of {self.name} must be finite on every image, which it is not")
        self.products += products
        self.nonzeros += int(maps.count_nonzero())
        self.channels.add(maps, (0, 2, 3))
        self.coefficients.add(dct(maps, self.tile), (0, 1))

    def result(self) -> Statistics:
        channels = self.channels.result()
        count = self.channels.count
        covariance = self.products.numpy() / count - np.outer(channels.mean, channels.mean)
        return Statistics(
            pixels=count,
            channels=channels,
            zeros=1 - self.nonzeros / (count * len(channels.mean)),
            coefficients=self.coefficients.result(),
            covariance=covariance,
        )
