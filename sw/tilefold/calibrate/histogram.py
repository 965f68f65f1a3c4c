"""Histograms of the integer coefficients of stored maps: all that a choice of a table asks about.

From them follows exactly what each width and shift would cost, without the images.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilefold_hw.config import CodecConfig

from .codec import coefficients, to_samples
from .forward import BATCH, forward
from .progress import Progress, quietly
from .study import Study

_BINS = 4096
"""Bins at most: coefficients of 8-bit samples get one for each value, wider ones share."""


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """How often each coefficient of each channel had each value."""

    #: int64[C, K, bins].
    counts: NDArray[np.int64]
    #: Smallest value of a bin: int64[bins].
    values: NDArray[np.int64]

    @property
    def step(self) -> int:
        """Values that share a bin."""
        return int(self.values[1] - self.values[0])


def bins(config: CodecConfig) -> NDArray[np.int64]:
    """Smallest value of every bin: int64[bins], for coefficients of *config*."""
    q = config.coefficient
    step = max(1, (1 << q.width) // _BINS)
    return np.arange(q.min, q.max + 1, step)


def histograms(study: Study, progress: Progress = quietly) -> Mapping[str, Histogram]:
    """Count the coefficients of all maps of *study*, by name."""
    found = {}
    for name, site in study.plain.items():
        config = study.on(name)
        shape = (site.layer.channels, config.pixels, len(bins(config)))
        found[name] = torch.zeros(shape, dtype=torch.int64)

    def count(name: str, maps: Tensor) -> Tensor:
        site = study.plain[name]
        config = study.on(name)
        values = bins(config)
        channels, pixels, width = found[name].shape
        of = coefficients(to_samples(maps, site, config), config).to(torch.int32)
        bin_of = (of - int(values[0])) // int(values[1] - values[0])
        place = torch.arange(channels * pixels, dtype=torch.int32).reshape(channels, pixels) * width
        found[name] += torch.bincount(
            (bin_of + place).flatten(), minlength=found[name].numel()
        ).reshape(found[name].shape)
        return maps

    with torch.no_grad():
        for start in range(0, len(study.images), BATCH):
            progress("counting coefficients", start, len(study.images))
            forward(study.network, study.maps, study.images[start : start + BATCH], count)
    progress("counting coefficients", len(study.images), len(study.images))
    return {name: Histogram(counts.numpy(), bins(study.on(name))) for name, counts in found.items()}
