"""Principal components and Huffman coding: a baseline without a guarantee.

The channels of a map are projected to the first of their principal components, rounded to samples,
and coded, each component with a code of its own. All of it is fitted to training images.

Source: Tai et al. 2022, without their learning; the transform is that of Chmiel et al. 2020.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx

from tilefold_hw.fixed import SQ

from ..baselines.fitted import Fitted
from ..baselines.huffman import least_bits
from ..baselines.summary import Summary, summarise
from .beside import Side, on_side, pair_of, project_beside
from .distil import Training, Vary, unchanged
from .forward import BATCH, forward
from .learned import learn
from .principal import components, greedy, principal, rotated
from .progress import Progress, quietly
from .projection import Pair
from .sample import Quantiser
from .sites import StoredMap
from .statistics import Statistics, gather

Counts = NDArray[np.int64]

WIDTH = 8
"""Bits of a sample."""


@dataclass(frozen=True, slots=True, eq=False)
class Coding:
    """Projections of a network's maps, and codes for what they give, fitted to training images."""

    network: fx.GraphModule
    #: Each on the side of its nonlinearity where it is projected.
    maps: tuple[StoredMap, ...]
    #: By name of the map.
    pairs: Mapping[str, Pair]
    quantisers: Mapping[str, Quantiser]
    #: By name of the map, how often each component had each sample: int64[K, 2**width].
    counts: Mapping[str, Counts]

    @property
    def values(self) -> int:
        """Values of all maps before they are projected, for one image."""
        return sum(each.values for each in self.maps)


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Principal components of the maps of a network, and what each takes."""

    statistics: Mapping[str, Statistics]
    #: With all components.
    whole: Coding
    #: Images that were counted.
    images: int

    def keep(self, kept: Mapping[str, int]) -> Coding:
        """Store so many components of each map, by its name."""
        return replace(
            self.whole,
            pairs={name: principal(each, kept[name]) for name, each in self.statistics.items()},
            counts={name: counts[: kept[name]] for name, counts in self.whole.counts.items()},
        )

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
            for name, counts in self.whole.counts.items()
        }
        eigenvalues = {name: each.principal()[0] for name, each in self.statistics.items()}
        try:
            return greedy(eigenvalues, taken, bits * self.whole.values)
        except ValueError:
            least = sum(float(each[0]) for each in taken.values()) / self.whole.values
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
    sided = tuple(on_side(network, each.name, side(network, each.name)) for each in maps)
    statistics = gather(network, sided, images.split(BATCH), total=len(images), progress=progress)
    pairs = {name: principal(each, len(each.channels.mean)) for name, each in statistics.items()}
    return Components(statistics, fit(network, sided, pairs, images, progress), len(images))


def side(network: fx.GraphModule, name: str) -> Side:
    """On which side of its nonlinearity the map called *name* is projected."""
    try:
        on_side(network, name, Side.BEFORE)
    except ValueError:  # it is pooled behind its nonlinearity
        return Side.AFTER
    return Side.BEFORE


def fit(
    network: fx.GraphModule,
    maps: Iterable[StoredMap],
    pairs: Mapping[str, Pair],
    images: Tensor,
    progress: Progress = quietly,
) -> Coding:
    """Fit samples and codes to what projections give on training images.

    Parameters
    ----------
    maps : iterable of StoredMap
        Each on the side of its nonlinearity where it is projected.
    pairs : mapping of Pair
        By name of the map.
    """
    maps = tuple(maps)
    batches = images.split(BATCH)
    low, high = (dict.fromkeys(pairs, limit) for limit in (torch.inf, -torch.inf))

    def widen(name: str, values: Tensor) -> Tensor:
        found = _project(values, pairs[name].compress, pairs[name].compress_bias)
        low[name] = min(low[name], float(found.min()))
        high[name] = max(high[name], float(found.max()))
        return values

    quantisers: dict[str, Quantiser] = {}
    counts = {
        name: np.zeros((len(pair.compress), 1 << WIDTH), dtype=np.int64)
        for name, pair in pairs.items()
    }

    def count(name: str, values: Tensor) -> Tensor:
        found = _project(values, pairs[name].compress, pairs[name].compress_bias)
        raw = _places(quantisers[name].samples(found))
        table = counts[name]
        table += torch.bincount(raw.flatten(), minlength=table.size).numpy().reshape(table.shape)
        return values

    with torch.no_grad():
        for number, batch in enumerate(batches):
            progress("finding ranges of components", number * BATCH, len(images))
            forward(network, maps, batch, widen)
        for name in pairs:
            quantisers[name] = Quantiser.of(low[name], high[name], SQ(WIDTH))
        for number, batch in enumerate(batches):
            progress("counting samples of components", number * BATCH, len(images))
            forward(network, maps, batch, count)
    for what in ("finding ranges of components", "counting samples of components"):
        progress(what, len(images), len(images))
    return Coding(network, maps, pairs, quantisers, counts)


def learnt(
    begun: Coding,
    statistics: Mapping[str, Statistics],
    images: Tensor,
    training: Training,
    fitted_to: Tensor,
    vary: Vary = unchanged,
    progress: Progress = quietly,
) -> Coding:
    """Train the projections of a coding, and fit samples and codes anew.

    What was learnt is stored as its own principal components: see
    :func:`~tilefold.calibrate.principal.rotated`.

    Parameters
    ----------
    statistics : mapping of Statistics
        Of the maps on the side where they are projected.
    images : float32[n, ...]
        To train on, without labels.
    fitted_to : float32[n, ...]
        To fit samples and codes to.

    Source
    ------
    Tai et al. 2022, equations 5 to 7.
    """
    network = begun.network
    for name, pair in begun.pairs.items():
        network = project_beside(network, name, pair, side(begun.network, name))

    def rounded(name: str, values: Tensor) -> Tensor:
        return begun.quantisers[name].through(values)

    trained = learn(network, begun.network, images, training, rounded, vary=vary, progress=progress)
    pairs = {name: rotated(pair_of(trained, name), statistics[name]) for name in begun.pairs}
    return fit(begun.network, begun.maps, pairs, fitted_to, progress)


def store(
    coding: Coding,
    images: Tensor,
    labels: Tensor,
    progress: Progress = quietly,
) -> tuple[float, Summary]:
    """Store the maps of some images.

    Returns
    -------
    accuracy : float
        Share of the images whose largest answer is the label's.
    bits : Summary
        Of all maps; the codes' tables are known on both sides and not counted.
    """
    lengths = {
        name: torch.from_numpy(
            np.concatenate([Fitted.of(row, SQ(WIDTH)).code.lengths for row in counts])
        )
        for name, counts in coding.counts.items()
    }
    taken: list[Counts] = []
    right = 0

    def restore(name: str, values: Tensor) -> Tensor:
        pair, of = coding.pairs[name], coding.quantisers[name]
        samples = of.samples(_project(values, pair.compress, pair.compress_bias))
        bits = lengths[name][_places(samples)].sum((1, 2, 3)).numpy()
        taken[-1] += 8 * -(-bits // 8)
        return _project(of.values(samples), pair.expand, pair.expand_bias)

    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            progress("storing components", start, len(images))
            batch = images[start : start + BATCH]
            taken.append(np.zeros(len(batch), dtype=np.int64))
            answers = forward(coding.network, coding.maps, batch, restore)
            right += int((answers.argmax(1) == labels[start : start + BATCH]).sum())
    progress("storing components", len(images), len(images))
    return right / len(images), summarise(np.concatenate(taken), coding.values, WIDTH)


def _project(maps: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    """Mix the channels of each pixel: float32[n, M, H, W] to float32[n, K, H, W]."""
    mixed = torch.einsum("km,nmyx->nkyx", matrix, maps.float())
    return mixed if bias is None else mixed + bias[:, None, None]


def _places(samples: Tensor) -> Tensor:
    """Place of each sample in tables of its component, one behind the other: int64[n, K, H, W]."""
    levels = 1 << WIDTH
    first = torch.arange(samples.shape[1])[:, None, None] * levels
    return (samples.long() & levels - 1) + first
