"""Pruning masks: each map keeps some of its coefficients, the same in all channels.

What is kept has one width and one shift, chosen so that no coefficient can saturate. Methods
differ in the score that they give a coefficient of a map; those with the highest are kept, as many
as the budget allows, and the DC always.

Source: Vogel et al. 2019.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilefold_hw.budget import packet_words
from tilefold_hw.table import Table, triangle
from tilefold_hw.transform import scan

from ..bundle import Site
from .dct import dct
from .distortion import DC
from .forward import BATCH, forward
from .progress import Progress, quietly
from .study import Choose, Study

Scores = Mapping[str, NDArray[np.float64]]
"""By name of the map, float64[K]."""


def keep_best(
    study: Study, scores: Scores, bits: float, field: int | None = None
) -> tuple[Site, ...]:
    """Keep the coefficients with the highest scores of all maps together.

    Parameters
    ----------
    scores : mapping
        That of the DC does not matter.
    bits : float
        Guaranteed bits a value of all maps together.
    field : int, optional
        Bits of each field; left out, as many as a field has.

    Raises
    ------
    ValueError
        If the budget is too small for the DC alone; the message tells the least.
    """
    require_reachable(study, bits, field)
    limits = np.unique(np.concatenate([each[1:] for each in scores.values()]))
    words = study.room(bits)

    def kept(limit: float) -> tuple[Site, ...]:
        return tuple(with_mask(study, name, each >= limit, field) for name, each in scores.items())

    def needed(sites: tuple[Site, ...]) -> int:
        return sum(packet_words(study.config, site.layer) for site in sites)

    best = kept(np.inf)
    low, high = 0, len(limits)  # the first limit that fits lies between them
    while low < high:
        middle = (low + high) // 2
        sites = kept(limits[middle])
        if needed(sites) <= words:
            best, high = sites, middle
        else:
            low = middle + 1
    return best


def require_reachable(study: Study, bits: float, field: int | None = None) -> None:
    """Raise unless the means of all tiles fit into *bits* a value of all maps together."""
    least = sum(
        packet_words(
            study.config,
            with_mask(study, name, np.zeros(study.on(name).pixels, bool), field).layer,
        )
        for name in study.plain
    )
    if least > study.room(bits):
        raise ValueError(
            f"bits must be at least {study.bits(least):.3g} a value, with nothing kept but the "
            f"mean of each tile, not {bits:.3g}"
        )


def with_mask(study: Study, name: str, keep: NDArray[np.bool_], field: int | None = None) -> Site:
    """Let a map keep the coefficients of *keep*, bool[K], and the DC, and drop all others."""
    site, config = study.plain[name], study.on(name)
    width = config.field.width if field is None else field
    if not 1 <= width <= config.field.width:
        raise ValueError(f"field must be 1 to {config.field.width} bits wide, not {width}")
    kept = keep.copy()
    kept[DC] = True
    widths = tuple(np.where(kept, width, 0).tolist())
    # The transform is orthonormal: no coefficient is more than n times the largest sample.
    gain = (config.tile - 1).bit_length()
    shift = max(0, config.sample_width + gain - width)
    shifts = tuple(np.where(kept, shift, 0).tolist())
    layer = replace(site.layer, tables=(Table(widths, shifts),), index=(0,) * site.layer.channels)
    return replace(site, layer=layer)


def direct(study: Study, progress: Progress = quietly) -> Choose:
    """Keep the lowest frequencies, in order of u + v, then u: the same share in every map.

    Source: Vogel et al. 2019, the direct mask.
    """
    return partial(keep_best, study, {name: -_order(study.on(name).tile) for name in study.plain})


def energy(study: Study, progress: Progress = quietly) -> Choose:
    """Keep the same share of energy in every map, in as few coefficients as hold it.

    Source: Dziedzic et al. 2019, band-limiting by preserved energy.
    """

    def measure(coefficients: Tensor) -> Tensor:
        return coefficients.double().square().sum((0, 1, 2))

    scores = {}
    for name, each in _sums(study, measure, progress).items():
        order = (-each).argsort(kind="stable")
        scores[name] = np.empty(len(each))
        # What was missing before a coefficient came in: it is kept where that is still too much.
        before = np.concatenate([[0], each[order].cumsum()[:-1]])
        scores[name][order] = 1 - before / max(each.sum(), np.finfo(float).tiny)
    return partial(keep_best, study, scores)


def topk(study: Study, progress: Progress = quietly) -> Choose:
    """Keep those that are most often among the *k* largest of their tile, *k* by the budget.

    Source: Vu et al. 2024, made static: theirs keeps the largest of each tile, and stores where
    they are, so that it can't tell how many bits a tile takes.
    """

    def choose(bits: float) -> tuple[Site, ...]:
        share = bits / study.config.field.width

        def count(coefficients: Tensor) -> Tensor:
            kept = max(1, int(share * coefficients.shape[-1]))
            largest = coefficients.abs().topk(kept).indices.flatten()
            return torch.bincount(largest, minlength=coefficients.shape[-1]).double()

        scores = {}
        for name, each in _sums(study, count, progress).items():
            each[DC] = np.inf
            # Ranks, so that every map keeps the same share; of two alike, the lower frequency.
            ranked = np.lexsort((_order(study.on(name).tile), -each))
            scores[name] = np.empty(len(each))
            scores[name][ranked] = -np.arange(len(each)) / len(each)
        return keep_best(study, scores, bits)

    return choose


def _order(n: int) -> NDArray[np.float64]:
    """Place of each coefficient in order of u + v, then u, as a share of all: float64[K]."""
    places = {place: number for number, place in enumerate(triangle(n, n * n))}
    return np.array([places[place] for place in scan(n)]) / (n * n)


def _sums(study: Study, measure: Callable[[Tensor], Tensor], progress: Progress) -> Scores:
    """Sum up what *measure* makes of the coefficients of every map, over all images."""
    sums: dict[str, Tensor] = {}

    def watch(name: str, maps: Tensor) -> Tensor:
        found = measure(dct(maps, study.on(name).tile))
        sums[name] = sums.get(name, torch.zeros(())) + found
        return maps

    with torch.no_grad():
        for start in range(0, len(study.images), BATCH):
            progress("measuring coefficients", start, len(study.images))
            forward(study.network, study.maps, study.images[start : start + BATCH], watch)
    progress("measuring coefficients", len(study.images), len(study.images))
    return {name: each.numpy() for name, each in sums.items()}
