"""The clip of each layer, by measurement: a ReLU's zero is not always worth restoring."""

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
    choices = {
        # A map without negative values has its zero at the smallest sample.
        name: (Clip(), Clip(site.zero if site.zero == study.config.sample.min else None))
        for name, site in named.items()
    }
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


def _with(site: Site, clip: Clip) -> Site:
    return replace(site, layer=replace(site.layer, clip=clip))
