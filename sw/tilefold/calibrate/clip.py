"""The clip of each layer, by measurement: a ReLU's zero is not always worth restoring."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from tilefold_hw.layer import Clip

from ..bundle import Site
from .codec import through
from .forward import forward
from .progress import Progress, quietly
from .study import Study

IMAGES = 32
"""Images on which each map's clip is measured; a whole network's is on twice as many."""

_SURE = 2.0
"""Standard errors by which a map's clip must be better than that of the others: with so few images,
chance alone would choose many, and wrongly."""


def clipped(
    study: Study,
    sites: tuple[Site, ...],
    progress: Progress = quietly,
) -> tuple[Site, ...]:
    """Choose for every map whether what it restores is clipped to the range it was seen in.

    A clip makes each error smaller, but it lifts the mean of a map whose zeros come back with noise
    around them. What that does to the answers is measured with all maps stored: first with all maps
    clipped and with none, then with each map the other way, which it keeps if the answers are
    better by more than chance.

    Answers are better that diverge less from those in floats (Kullback and Leibler 1951).
    """
    images = study.images[: 2 * IMAGES]
    with torch.no_grad():
        expected = study.network(images).double().flatten(1).log_softmax(1)

        def divergence(tried: tuple[Site, ...], count: int) -> Tensor:
            """Nats an image, float64[count]."""
            named = {site.name: site for site in tried}

            def store(name: str, maps: Tensor) -> Tensor:
                return through(named[name], study.config, maps)

            answers = forward(study.network, study.maps, images[:count], store)
            off = expected[:count] - answers.double().flatten(1).log_softmax(1)
            nats: Tensor = (expected[:count].exp() * off).sum(1)
            return nats

        progress("choosing clips", 0, 1 + len(sites))
        ways = (unclipped(study, sites), at_zero(study, sites))
        chosen, other = sorted(ways, key=lambda way: float(divergence(way, len(images)).sum()))
        best = divergence(chosen, IMAGES)
        for place, (old, new) in enumerate(zip(chosen, other, strict=True)):
            progress("choosing clips", 1 + place, 1 + len(sites))
            if old == new:
                continue
            tried = (*chosen[:place], new, *chosen[place + 1 :])
            found = divergence(tried, IMAGES)
            gain = best - found
            if gain.mean() > _SURE * gain.std(correction=0) / len(gain) ** 0.5:
                chosen, best = tried, found
    progress("choosing clips", 1 + len(sites), 1 + len(sites))
    return chosen


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
