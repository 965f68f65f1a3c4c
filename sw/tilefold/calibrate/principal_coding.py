"""Principal components and Huffman coding: a baseline without a guarantee.

The channels of a map are projected to the first of their principal components, rounded to samples,
and coded, each component with a code of its own. All of it is fitted to training images.

Source: Tai et al. 2022, without their learning; the transform is that of Chmiel et al. 2020.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx

from tilefold_hw.fixed import SQ

from ..baselines.fitted import Fitted
from ..baselines.huffman import least_bits
from ..baselines.summary import Summary, summarise
from .beside import Side, on_side
from .forward import BATCH, forward
from .principal import components, greedy, principal
from .progress import Progress, quietly
from .sample import Quantiser
from .sites import StoredMap
from .statistics import Statistics, gather

Counts = NDArray[np.int64]

WIDTH = 8
"""Bits of a sample."""


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Principal components of the maps of a network, and what each takes."""

    network: fx.GraphModule
    #: Each on the side of its nonlinearity where it is projected.
    maps: tuple[StoredMap, ...]
    statistics: Mapping[str, Statistics]
    quantisers: Mapping[str, Quantiser]
    #: By name of the map, how often each component had each sample: int64[C, 2**width].
    counts: Mapping[str, Counts]
    #: Images that were counted.
    images: int

    @property
    def values(self) -> int:
        """Values of all maps, for one image."""
        return sum(each.values for each in self.maps)

    def by_energy(self, share: float) -> dict[str, int]:
        """Keep as many components of each map as hold a *share* of its energy."""
        return {name: components(each, share) for name, each in self.statistics.items()}

    def within(self, bits: float) -> dict[str, int]:
        """Keep as many as take *bits* a value on the mean of the training images, chosen greedily.

        Raises
        ------
        ValueError
            If one component of each map takes more.
        """
        taken = {
            name: np.array([least_bits(row) for row in counts]) / self.images
            for name, counts in self.counts.items()
        }
        eigenvalues = {name: each.principal()[0] for name, each in self.statistics.items()}
        try:
            return greedy(eigenvalues, taken, bits * self.values)
        except ValueError:
            least = sum(float(each[0]) for each in taken.values()) / self.values
            raise ValueError(
                f"bits must be at least {least:.3g} a value, with one component of each map, not "
                f"{bits:.3g}"
            ) from None


def measure(
    network: fx.GraphModule,
    maps: Iterable[StoredMap],
    images: Tensor,
    progress: Progress = quietly,
) -> Components:
    """Find the components of all maps on training images.

    A map is projected before its nonlinearity, as theirs are, so that the projection folds; one
    that is pooled behind it can't be, and is projected after.
    """
    sided = tuple(_before(network, each) for each in maps)
    batches = images.split(BATCH)
    statistics = gather(network, sided, batches, total=len(images), progress=progress)
    pairs = {name: principal(each, len(each.channels.mean)) for name, each in statistics.items()}
    low, high = (dict.fromkeys(pairs, limit) for limit in (torch.inf, -torch.inf))

    def widen(name: str, values: Tensor) -> Tensor:
        found = _project(values, pairs[name].compress, pairs[name].compress_bias)
        low[name] = min(low[name], float(found.min()))
        high[name] = max(high[name], float(found.max()))
        return values

    quantisers: dict[str, Quantiser] = {}
    counts = {each.name: np.zeros((each.shape[0], 1 << WIDTH), dtype=np.int64) for each in sided}

    def count(name: str, values: Tensor) -> Tensor:
        found = _project(values, pairs[name].compress, pairs[name].compress_bias)
        raw = _places(quantisers[name].samples(found))
        table = counts[name]
        table += torch.bincount(raw.flatten(), minlength=table.size).numpy().reshape(table.shape)
        return values

    with torch.no_grad():
        for number, batch in enumerate(batches):
            progress("finding ranges of components", number * BATCH, len(images))
            forward(network, sided, batch, widen)
        for name in pairs:
            quantisers[name] = Quantiser.of(low[name], high[name], SQ(WIDTH))
        for number, batch in enumerate(batches):
            progress("counting samples of components", number * BATCH, len(images))
            forward(network, sided, batch, count)
    for what in ("finding ranges of components", "counting samples of components"):
        progress(what, len(images), len(images))
    return Components(network, sided, statistics, quantisers, counts, len(images))


def store(
    measured: Components,
    kept: Mapping[str, int],
    images: Tensor,
    labels: Tensor,
    progress: Progress = quietly,
) -> tuple[float, Summary]:
    """Store the maps of some images as so many components each.

    Returns
    -------
    accuracy : float
        Share of the images whose largest answer is the label's.
    bits : Summary
        Of all maps; the codes' tables are known on both sides and not counted.
    """
    pairs = {name: principal(each, kept[name]) for name, each in measured.statistics.items()}
    lengths = {
        name: torch.from_numpy(
            np.concatenate(
                [
                    Fitted.of(row, SQ(WIDTH)).code.lengths
                    for row in measured.counts[name][: kept[name]]
                ]
            )
        )
        for name in kept
    }
    taken: list[Counts] = []
    right = 0

    def restore(name: str, values: Tensor) -> Tensor:
        pair, of = pairs[name], measured.quantisers[name]
        samples = of.samples(_project(values, pair.compress, pair.compress_bias))
        bits = lengths[name][_places(samples)].sum((1, 2, 3)).numpy()
        taken[-1] += 8 * -(-bits // 8)
        return _project(of.values(samples), pair.expand, pair.expand_bias)

    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            progress("storing components", start, len(images))
            batch = images[start : start + BATCH]
            taken.append(np.zeros(len(batch), dtype=np.int64))
            answers = forward(measured.network, measured.maps, batch, restore)
            right += int((answers.argmax(1) == labels[start : start + BATCH]).sum())
    progress("storing components", len(images), len(images))
    return right / len(images), summarise(np.concatenate(taken), measured.values, WIDTH)


def _before(network: fx.GraphModule, each: StoredMap) -> StoredMap:
    try:
        return on_side(network, each.name, Side.BEFORE)
    except ValueError:  # it is pooled behind its nonlinearity
        return each


def _project(maps: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    """Mix the channels of each pixel: float32[n, M, H, W] to float32[n, K, H, W]."""
    mixed = torch.einsum("km,nmyx->nkyx", matrix, maps.float())
    return mixed if bias is None else mixed + bias[:, None, None]


def _places(samples: Tensor) -> Tensor:
    """Place of each sample in tables of its component, one behind the other: int64[n, K, H, W]."""
    levels = 1 << WIDTH
    first = torch.arange(samples.shape[1])[:, None, None] * levels
    return (samples.long() & levels - 1) + first
