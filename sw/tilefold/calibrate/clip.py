"""The clip of each layer, by measurement: a ReLU's zero is not always worth restoring."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from tilefold_hw.layer import Clip

from ..bundle import Site
from .codec import through
from .dct import dct
from .forward import BATCH, forward
from .progress import Progress, quietly
from .study import Study

IMAGES = 128
"""Images on which it is measured: each asks for two trips through the codec."""


def clipped(
    study: Study,
    sites: tuple[Site, ...],
    progress: Progress = quietly,
) -> tuple[Site, ...]:
    """Choose for every map whether what it restores is clipped to the range it was seen in.

    A clip makes each error smaller, but it lifts the mean of a map whose zeros come back with noise
    around them. So errors are weighed as coefficients, where the mean has a weight of its own.
    """
    named = {site.name: site for site in sites}
    choices = {name: (Clip(), _range(study, site)) for name, site in named.items()}
    costs = {name: [0.0] * len(choice) for name, choice in choices.items()}

    def weigh(name: str, maps: Tensor) -> Tensor:
        weight = torch.from_numpy(study.weights[name])
        for number, clip in enumerate(choices[name]):
            restored = through(_with(named[name], clip), study.config, maps)
            errors = dct((restored - maps) / named[name].scale, study.on(name).tile)
            costs[name][number] += float((errors.double().square() * weight).sum())
        return maps

    images = study.images[:IMAGES]
    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            progress("choosing clips", start, len(images))
            forward(study.network, study.maps, images[start : start + BATCH], weigh)
    progress("choosing clips", len(images), len(images))
    return tuple(
        _with(site, choices[site.name][costs[site.name].index(min(costs[site.name]))])
        for site in sites
    )


def at_zero(
    study: Study, sites: tuple[Site, ...], progress: Progress = quietly
) -> tuple[Site, ...]:
    """Clip what every map restores to the range it was seen in: a ReLU's zero comes back."""
    return tuple(_with(site, _range(study, site)) for site in sites)


def unclipped(
    study: Study, sites: tuple[Site, ...], progress: Progress = quietly
) -> tuple[Site, ...]:
    """Clip nothing."""
    return tuple(_with(site, Clip()) for site in sites)


Rule = Callable[[Study, tuple[Site, ...], Progress], tuple[Site, ...]]
"""Takes a study, sites of its maps and whom to tell of progress; returns them with clips."""

RULES: Mapping[str, Rule] = {"measured": clipped, "zero": at_zero, "none": unclipped}
"""Ways to choose the clips of all layers, by name."""


def _range(study: Study, site: Site) -> Clip:
    # A map without negative values has its zero at the smallest sample.
    return Clip(site.zero if site.zero == study.config.sample.min else None)


def _with(site: Site, clip: Clip) -> Site:
    return replace(site, layer=replace(site.layer, clip=clip))
