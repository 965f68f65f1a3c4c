"""The mask by Fisher scores: coefficients that the network's answers miss least go first."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import nll_loss

from ..bundle import Site
from .attenuate import attenuate
from .forward import BATCH, forward
from .mask import keep_best, require_reachable
from .progress import Progress, quietly
from .study import Choose, Study

ROUNDS = 8
"""Times that the scores are measured anew, with what was pruned by then pruned."""


def fisher_mask(study: Study, progress: Progress = quietly) -> Choose:
    """Keep what has the highest Fisher score for its size, measured anew as pruning goes on.

    The score of a coefficient is the expected square of the gradient of an image's loss by a
    factor on it, over the values that it stores. Answers are drawn from the network's own, so no
    labels are needed.

    Source
    ------
    Vogel et al. 2019 for the mask, Theis et al. 2018 for the score.
    """

    def choose(bits: float) -> tuple[Site, ...]:
        require_reachable(study, bits)
        full = study.config.field.width
        masks = {name: np.ones(study.on(name).pixels, dtype=bool) for name in study.plain}
        sites: tuple[Site, ...] = ()
        for number in range(ROUNDS):
            scores = _scores(study, masks, number, progress)
            # Geometric steps from all coefficients to those that the budget allows.
            target = full * (min(bits, full) / full) ** ((number + 1) / ROUNDS)
            for name, mask in masks.items():
                scores[name] = np.where(mask, scores[name], -1.0)
            sites = keep_best(study, scores, max(target, bits))
            for site in sites:
                masks[site.name] &= np.array(site.layer.tables[0].widths) > 0
        return sites

    return choose


def _scores(
    study: Study, masks: dict[str, NDArray[np.bool_]], number: int, progress: Progress
) -> dict[str, NDArray[np.float64]]:
    generator = torch.Generator().manual_seed(number)
    sums = {name: torch.zeros(len(mask), dtype=torch.float64) for name, mask in masks.items()}
    kept = {name: torch.from_numpy(mask.astype(np.float32)) for name, mask in masks.items()}
    done, total = number * len(study.images), ROUNDS * len(study.images)
    for start in range(0, len(study.images), BATCH):
        progress("scoring coefficients", done + start, total)
        images = study.images[start : start + BATCH]
        # A factor for each image, so that each has a gradient of its own.
        factors = {
            name: each.repeat(len(images), 1, 1, 1).requires_grad_() for name, each in kept.items()
        }

        def prune(name: str, maps: Tensor, factors: dict[str, Tensor] = factors) -> Tensor:
            return attenuate(maps, factors[name], study.on(name).tile)

        with torch.enable_grad():
            answers = forward(study.network, study.maps, images, prune).flatten(1).log_softmax(1)
            drawn = torch.multinomial(answers.detach().exp(), 1, generator=generator)[:, 0]
            loss = nll_loss(answers, drawn, reduction="sum")
        for name, gradient in zip(
            factors, torch.autograd.grad(loss, tuple(factors.values())), strict=True
        ):
            sums[name] += gradient.double().square().sum((0, 1, 2))
    return {
        name: (each / (study.plain[name].layer.groups * study.plain[name].layer.channels)).numpy()
        for name, each in sums.items()
    }
