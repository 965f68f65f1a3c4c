"""A study: a network, the maps of it to compress, and what some images show of both.

All methods start from one: they choose tables by what is measured here, and nothing else.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor, fx

from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Layer
from tilefold_hw.table import uniform

from ..bundle import Site
from ..model.tiles import group_count
from .forward import BATCH, forward
from .progress import Progress, quietly
from .sample import Quantiser
from .sensitivity import Sensitivities, fisher
from .sites import StoredMap


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A network under study.

    Attributes
    ----------
    network : GraphModule
        As :func:`~tilefold.calibrate.trace.trace` makes it.
    config : CodecConfig
        The hardware.
    images : float32[n, ...]
        Those to calibrate on. Nothing else may be learnt from.
    plain : mapping of Site
        By name, each map to compress: its samples, and tables that keep all coefficients.
    weights : mapping
        By name, float64[C, K]: what an error of each coefficient costs, in units of a sample.
    skipped : mapping of str
        By name, why a map that was chosen can't be compressed on this hardware.
    """

    network: fx.GraphModule
    config: CodecConfig
    images: Tensor
    maps: tuple[StoredMap, ...]
    plain: Mapping[str, Site]
    weights: Sensitivities
    skipped: Mapping[str, str]

    @property
    def values(self) -> int:
        """Values of all maps to compress, for one image, padding not counted."""
        return sum(site.values for site in self.plain.values())

    def on(self, name: str) -> CodecConfig:
        """Return the configuration as the map called *name* sees it, with its tile alone."""
        return self.plain[name].layer.on(self.config)

    def without(self, names: Iterable[str]) -> "Study":
        """Return the study of the other maps."""
        left = set(names)
        return replace(
            self,
            maps=tuple(each for each in self.maps if each.name not in left),
            plain=MappingProxyType(
                {name: site for name, site in self.plain.items() if name not in left}
            ),
        )

    def room(self, bits: float) -> int:
        """Words that all maps may take together at *bits* a value."""
        return int(bits * self.values / self.config.word_width)

    def bits(self, words: int) -> float:
        """Bits a value of all maps, where they take *words* together."""
        return words * self.config.word_width / self.values


Choose = Callable[[float], tuple[Site, ...]]
"""Takes guaranteed bits a value of all maps of a study together, padding and the ends of words
counted; returns a site for each of them. Raises ``ValueError`` if nothing is as small."""


def study(
    network: fx.GraphModule,
    maps: Iterable[StoredMap],
    images: Tensor,
    config: CodecConfig,
    progress: Progress = quietly,
) -> Study:
    """Begin a study: find the range of each map, and how much the network depends on it.

    Raises
    ------
    ValueError
        If there is no image, or a map is not finite.
    """
    if not len(images):
        raise ValueError("images must be at least one, not none")
    skipped: dict[str, str] = {}
    chosen = []
    for each in maps:
        if each.shape[0] > config.channels:
            skipped[each.name] = (
                f"it has {each.shape[0]} channels, and the hardware room for {config.channels}: "
                f"build with channels = {each.shape[0]}"
            )
        else:
            chosen.append(each)
    low = {each.name: torch.inf for each in chosen}
    high = {each.name: -torch.inf for each in chosen}

    def widen(name: str, values: Tensor) -> Tensor:
        if not values.isfinite().all():
            raise ValueError(f"map of {name} must be finite on every image, which it is not")
        low[name] = min(low[name], float(values.min()))
        high[name] = max(high[name], float(values.max()))
        return values

    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            progress("finding ranges", start, len(images))
            forward(network, chosen, images[start : start + BATCH], widen)
    progress("finding ranges", len(images), len(images))
    plain = {each.name: _site(each, low[each.name], high[each.name], config) for each in chosen}
    return Study(
        network,
        config,
        images,
        tuple(chosen),
        MappingProxyType(plain),
        fisher(network, chosen, plain, config, images, progress=progress),
        MappingProxyType(skipped),
    )


def _site(each: StoredMap, low: float, high: float, config: CodecConfig) -> Site:
    channels, height, width = each.shape
    # The tile that pads less; where both do alike, the larger one compresses better.
    tile = min(config.tiles, key=lambda n: (group_count(height, width, n) * n * n, -n))
    own = config.at(tile)
    keep = uniform(tile, own.field.width, own.coefficient.width - own.field.width)
    layer = Layer(
        groups=group_count(height, width, tile),
        tables=(keep,),
        index=(0,) * channels,
        tile=tile if config.sevens else None,
    )
    of = Quantiser.of(low, high, config.sample)
    return Site(each.name, height, width, of.scale, of.zero, layer)
