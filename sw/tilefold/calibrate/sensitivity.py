"""Sensitivity: how much the network's answers change with the coefficients of its stored maps."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import nll_loss

from .dct import dct
from .forward import forward
from .progress import Progress, quietly
from .study import BATCH, Study

Sensitivities = Mapping[str, NDArray[np.float64]]
"""By name of the map, float64[C, K] for each coefficient of each channel, in units of a sample."""


def fisher(study: Study, seed: int = 0, progress: Progress = quietly) -> Sensitivities:
    """Diagonal of the Fisher information of the coefficients, summed over the tiles of an image.

    To second order, errors *e* of the coefficients, independent of each other, move the network's
    answers by a Kullback-Leibler divergence of ``½ Σ F e²``. The expectation over the answers is
    taken with one drawn for each image from the network's own distribution, so no labels are
    needed.

    Source
    ------
    Theis et al. 2018 for the Fisher information as the cost of a change to activations.
    """
    generator = torch.Generator().manual_seed(seed)
    sums: dict[str, Tensor] = {}

    for start in range(0, len(study.images), BATCH):
        progress("measuring sensitivity", start, len(study.images))
        seen: dict[str, Tensor] = {}

        def watch(name: str, maps: Tensor, seen: dict[str, Tensor] = seen) -> Tensor:
            # The network's parameters may be frozen; what is asked for are gradients of maps.
            seen[name] = maps if maps.requires_grad else maps.clone().requires_grad_()
            return seen[name]

        with torch.enable_grad():
            images = study.images[start : start + BATCH]
            answers = forward(study.network, study.maps, images, watch).flatten(1).log_softmax(1)
            drawn = torch.multinomial(answers.detach().exp(), 1, generator=generator)[:, 0]
            loss = nll_loss(answers, drawn, reduction="sum")
        for (name, _), gradient in zip(
            seen.items(), torch.autograd.grad(loss, tuple(seen.values())), strict=True
        ):
            site = study.plain[name]
            found = dct(gradient * site.scale, study.on(name).tile)
            sums[name] = sums.get(name, torch.zeros(())) + found.double().square().sum((0, 1))
    progress("measuring sensitivity", len(study.images), len(study.images))
    return {name: (each / len(study.images)).numpy() for name, each in sums.items()}
