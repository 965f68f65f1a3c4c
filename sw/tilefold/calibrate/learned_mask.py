"""The mask that is learnt: factors on the coefficients, trained to be small and to do no harm."""

from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import kl_div

from .attenuate import attenuate
from .forward import forward
from .mask import keep_best
from .progress import Progress, quietly
from .study import Choose, Study

RATE = 1e-2
"""Learning rate of Adam."""

DECAY = 1e-4
"""Weight of the sum of the squares of all factors."""

EPOCHS = 8

BATCH = 32


def learned_mask(study: Study, progress: Progress = quietly, seed: int = 0) -> Choose:
    """Keep the coefficients whose factors training leaves largest.

    All weights are frozen. The loss is the divergence of the answers from those of the network as
    it was, which needs no labels, and 1e-4 times the sum of the squares of the factors. With the
    plain norm in place of the squares the ranking is of no use: its pull on a factor does not fade
    as the factor falls, so all of a map fall together.

    Source
    ------
    Vogel et al. 2019, section III-D.
    """
    generator = torch.Generator().manual_seed(seed)
    factors = {name: torch.ones(study.on(name).pixels) for name in study.plain}
    for each in factors.values():
        each.requires_grad_()
    optimizer = torch.optim.Adam(list(factors.values()), lr=RATE)

    def weaken(name: str, maps: Tensor) -> Tensor:
        return attenuate(maps, factors[name], study.on(name).tile)

    batches = -(-len(study.images) // BATCH)
    for epoch in range(EPOCHS):
        order = torch.randperm(len(study.images), generator=generator)
        for number, batch in enumerate(order.split(BATCH)):
            progress("learning masks", epoch * batches + number, EPOCHS * batches)
            images = study.images[batch]
            with torch.no_grad():
                wanted = forward(study.network, (), images, weaken).flatten(1).log_softmax(1)
            with torch.enable_grad():
                answers = forward(study.network, study.maps, images, weaken)
                loss = kl_div(
                    answers.flatten(1).log_softmax(1),
                    wanted,
                    log_target=True,
                    reduction="batchmean",
                )
                loss = loss + DECAY * sum(each.square().sum() for each in factors.values())
                gradients = torch.autograd.grad(loss, list(factors.values()))
            for each, gradient in zip(factors.values(), gradients, strict=True):
                each.grad = gradient
            optimizer.step()
    progress("learning masks", EPOCHS * batches, EPOCHS * batches)
    scores = {name: each.detach().abs().double().numpy() for name, each in factors.items()}
    return partial(keep_best, study, scores)
