"""Sensitivity: how much the network's answers change with the coefficients of its stored maps."""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx
from torch.nn.functional import nll_loss

from tilefold_hw.config import CodecConfig

from ..bundle import Site
from .dct import dct
from .forward import BATCH, forward
from .progress import Progress, quietly
from .sites import StoredMap

Sensitivities = Mapping[str, NDArray[np.float64]]
"""By name of the map, float64[C, K] for each coefficient of each channel, in units of a sample."""


def fisher(
    network: fx.GraphModule,
    maps: Iterable[StoredMap],
    plain: Mapping[str, Site],
    config: CodecConfig,
    images: Tensor,
    *,
    seed: int = 0,
    progress: Progress = quietly,
) -> Sensitivities:
    """Diagonal of the Fisher information of the coefficients, summed over the tiles of an image.

    To second order, errors *e* of the coefficients, independent of each other, move the network's
    answers by a Kullback-Leibler divergence of ``½ Σ F e²``. The expectation over the answers is
    taken with one drawn for each image from the network's own distribution, so no labels are
    needed.

    Parameters
    ----------
    maps, plain
        Maps to watch, and by their names what a sample of them is worth.

    Source
    ------
    Theis et al. 2018 for the Fisher information as the cost of a change to activations.
    """
    maps = tuple(maps)
    if not maps:
        return {}
    generator = torch.Generator().manual_seed(seed)
    sums: dict[str, Tensor] = {}

    for start in range(0, len(images), BATCH):
        progress("measuring sensitivity", start, len(images))
        seen: dict[str, Tensor] = {}

        def watch(name: str, maps: Tensor, seen: dict[str, Tensor] = seen) -> Tensor:
            # The network's parameters may be frozen; what is asked for are gradients of maps.
            seen[name] = maps if maps.requires_grad else maps.clone().requires_grad_()
            return seen[name]

        with torch.enable_grad():
            batch = images[start : start + BATCH]
            answers = forward(network, maps, batch, watch).flatten(1).log_softmax(1)
            drawn = torch.multinomial(answers.detach().exp(), 1, generator=generator)[:, 0]
            loss = nll_loss(answers, drawn, reduction="sum")
        for (name, _), gradient in zip(
            seen.items(), torch.autograd.grad(loss, tuple(seen.values())), strict=True
        ):
            site = plain[name]
            found = dct(gradient * site.scale, site.layer.on(config).tile)
            sums[name] = sums.get(name, torch.zeros(())) + found.double().square().sum((0, 1))
    progress("measuring sensitivity", len(images), len(images))
    return {name: (each / len(images)).numpy() for name, each in sums.items()}
