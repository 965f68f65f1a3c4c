"""What lossless coders store of a network's maps: each image's bits, and accuracy beside them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx

from tilefold_hw.config import CodecConfig
from tilefold_hw.fixed import SQ, UQ

from ..baselines.adaptive import Adaptive
from ..baselines.coder import Coder
from ..baselines.fitted import Fitted
from ..baselines.run_length import RunLength
from ..baselines.summary import Summary, summarise
from ..baselines.zero_mask import sparsity_map, zero_value
from ..bundle import Site
from .forward import BATCH, forward
from .progress import Progress, quietly
from .sample import Quantiser
from .sites import StoredMap

Counts = NDArray[np.int64]

Coders = Mapping[str, tuple[Coder, ...]]
"""By name of the map, coders of its samples: in each map the same ones in the same order."""


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """What some images take under several coders."""

    #: Bits of a sample that is stored plainly.
    width: int
    #: Share of the images whose largest answer is the label's, all maps rounded to such samples.
    accuracy: float | None
    #: By name of the map: values of an image, share of the samples that are zero, and, by name of
    #: the coder, bits of each image, int64[images].
    values: Mapping[str, int]
    zeros: Mapping[str, float]
    bits: Mapping[str, Mapping[str, Counts]]

    def of_map(self, name: str) -> dict[str, Summary]:
        """Summaries of a map, by name of the coder."""
        return {
            coder: summarise(bits, self.values[name], self.width)
            for coder, bits in self.bits[name].items()
        }

    def of_all(self) -> dict[str, Summary]:
        """Summaries of all maps together, image by image."""
        total: dict[str, Counts] = {}
        for of_map in self.bits.values():
            for coder, bits in of_map.items():
                total[coder] = total.get(coder, np.zeros_like(bits)) + bits
        values = sum(self.values.values())
        return {coder: summarise(bits, values, self.width) for coder, bits in total.items()}


def quantisers(sites: Iterable[Site], config: CodecConfig, width: int) -> dict[str, Quantiser]:
    """Samples of *width* bits that hold the same ranges as those of the sites, by name.

    Zero is the sample 0, as the coders want it: a map without negative values is unsigned.
    """
    found = {}
    for site in sites:
        q = UQ(width) if site.zero == config.sample.min else SQ(width)
        top = site.scale * (config.sample.max - site.zero)
        found[site.name] = Quantiser(top / q.max, 0, q)
    return found


def coders(of: Mapping[str, Quantiser], counts: Mapping[str, Counts] | None = None) -> Coders:
    """Make all coders of each map; the fitted one where it is told what samples were seen.

    Parameters
    ----------
    counts : mapping of int64[2**width], optional
        By name of the map: see :func:`seen`.
    """
    found = {}
    for name, each in of.items():
        q = each.q
        lossless: list[Coder] = [RunLength(q), sparsity_map(q), zero_value(q), Adaptive(q)]
        if counts is not None:
            lossless.append(Fitted.of(counts[name], q))
        found[name] = tuple(lossless)
    return found


def seen(
    network: fx.GraphModule,
    maps: Iterable[StoredMap],
    of: Mapping[int, Mapping[str, Quantiser]],
    images: Tensor,
    progress: Progress = quietly,
) -> dict[int, dict[str, Counts]]:
    """Count how often each sample is seen on training images.

    Parameters
    ----------
    of : mapping
        By width and name of the map.

    Returns
    -------
    dict of int64[2**width]
        By width and name of the map; by a sample's bits as an unsigned integer.
    """
    maps = tuple(each for each in maps if any(each.name in names for names in of.values()))
    counts = {
        width: {name: np.zeros(1 << width, dtype=np.int64) for name in names}
        for width, names in of.items()
    }

    def count(name: str, values: Tensor) -> Tensor:
        for width, found in counts.items():
            raw = of[width][name].samples(values).flatten().long() & (1 << width) - 1
            found[name] += torch.bincount(raw, minlength=1 << width).numpy()
        return values

    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            progress("counting samples", start, len(images))
            forward(network, maps, images[start : start + BATCH], count)
    progress("counting samples", len(images), len(images))
    return counts


def store(
    network: fx.GraphModule,
    maps: Iterable[StoredMap],
    of: Mapping[str, Quantiser],
    by: Coders,
    images: Tensor,
    labels: Tensor | None = None,
    progress: Progress = quietly,
) -> Storage:
    """Store the maps of some images losslessly, as samples.

    Parameters
    ----------
    of, by : mappings
        Samples and coders of each map to store.
    images : float32[n, ...]
    labels : int64[n], optional
    """
    maps = tuple(each for each in maps if each.name in of)
    if not len(images) or not maps:
        raise ValueError("images and maps must be at least one each, not none")
    taken: dict[str, dict[str, list[Counts]]] = {
        each.name: {coder.name: [] for coder in by[each.name]} for each in maps
    }
    zeros = dict.fromkeys(taken, 0)

    def keep(name: str, values: Tensor) -> Tensor:
        samples = of[name].samples(values)
        zeros[name] += samples.numel() - int(samples.count_nonzero())
        for coder in by[name]:
            taken[name][coder.name].append(coder.bits(samples.numpy()))
        return of[name].values(samples)

    right = 0
    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            progress("storing losslessly", start, len(images))
            answers = forward(network, maps, images[start : start + BATCH], keep)
            if labels is not None:
                right += int((answers.argmax(1) == labels[start : start + BATCH]).sum())
    progress("storing losslessly", len(images), len(images))
    return Storage(
        width=of[maps[0].name].q.width,
        accuracy=None if labels is None else right / len(images),
        values={each.name: each.values for each in maps},
        zeros={each.name: zeros[each.name] / (each.values * len(images)) for each in maps},
        bits={
            name: {coder: np.concatenate(bits) for coder, bits in of_map.items()}
            for name, of_map in taken.items()
        },
    )
