"""The mask that is learnt: factors on the coefficients, trained to be small and to do no harm."""

from functools import partial

import torch
from torch import Tensor, nn

from .attenuate import attenuate
from .distil import Training, distillation, train
from .forward import forward
from .mask import keep_best
from .progress import Progress, quietly
from .study import Choose, Study

TRAINING = Training(epochs=8, batch=32, rate=1e-2)
"""Eight epochs of 512 images are 128 steps, in which a factor can fall from 1 to 0."""

DECAY = 1e-4
"""Weight of the sum of the squares of all factors."""


def learned_mask(study: Study, progress: Progress = quietly) -> Choose:
    """Keep the coefficients whose factors training leaves largest.

    All weights are frozen. The loss is the divergence of the answers from those of the network as
    it was, which needs no labels, and 1e-4 times the sum of the squares of the factors. With the
    plain norm in place of the squares the ranking is of no use: its pull on a factor does not fade
    as the factor falls, so all of a map fall together.

    Source
    ------
    Vogel et al. 2019, section III-D.
    """
    factors = {name: nn.Parameter(torch.ones(study.on(name).pixels)) for name in study.plain}

    def weaken(name: str, maps: Tensor) -> Tensor:
        return attenuate(maps, factors[name], study.on(name).tile)

    def loss(images: Tensor) -> Tensor:
        with torch.no_grad():
            taught = study.network(images)
        answers = forward(study.network, study.maps, images, weaken)
        squares = torch.stack([each.square().sum() for each in factors.values()])
        return distillation(answers, taught, temperature=1) + DECAY * squares.sum()

    train(
        study.network,
        factors.values(),
        loss,
        study.images,
        TRAINING,
        what="learning masks",
        progress=progress,
    )
    scores = {name: each.detach().abs().double().numpy() for name, each in factors.items()}
    return partial(keep_best, study, scores)
