"""Distillation: train a network to answer as another does, on images without labels."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div, log_softmax

from .progress import Progress, quietly

Vary = Callable[[Tensor, torch.Generator], Tensor]
"""Takes a batch of images, float32[n, ...], and a source of chance; returns images as likely, such
as mirrored ones, of the same shape."""


def unchanged(images: Tensor, chance: torch.Generator) -> Tensor:
    """Vary nothing: a :data:`Vary`."""
    return images


@dataclass(frozen=True, slots=True)
class Training:
    """How long and how fast to train.

    By Adam's steps, with a rate that falls to zero along half a cosine wave. The same seed gives
    the same weights on the same machine, unless time ends the training.
    """

    #: Passes over the images; a part of one, too.
    epochs: float = 1.0
    #: Images a step.
    batch: int = 64
    #: Rate of the first step.
    rate: float = 1e-3
    #: Seed of the images' order and variation.
    seed: int = 0
    #: Time that it may take; the rate falls the faster. The step under way is finished.
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be more than 0, not {getattr(self, name)}")
        if self.seconds is not None and not self.seconds > 0:
            raise ValueError(f"seconds must be more than 0, or None, not {self.seconds}")


def distillation(logits: Tensor, taught: Tensor, temperature: float = 4.0) -> Tensor:
    """Kullback-Leibler divergence of what *logits* say from what the teacher's do, softened.

    Parameters
    ----------
    logits, taught : float32[n, classes]
        The student's and the teacher's.
    temperature : float
        Both are divided by it; the loss is multiplied by its square, so that gradients keep their
        size.

    Returns
    -------
    float32[]
        Mean over the images, at least 0.

    Source
    ------
    Hinton et al. 2015.
    """
    student, teacher = (log_softmax(each / temperature, dim=1) for each in (logits, taught))
    loss: Tensor = kl_div(student, teacher, reduction="batchmean", log_target=True)
    return loss * temperature**2


def train(
    network: nn.Module,
    parameters: Iterable[nn.Parameter],
    loss: Callable[[Tensor], Tensor],
    images: Tensor,
    training: Training,
    what: str = "training",
    vary: Vary = unchanged,
    progress: Progress = quietly,
) -> list[float]:
    """Train some parameters of *network* in place, and no others.

    Parameters
    ----------
    loss : callable
        Takes a batch of images, float32[n, ...]; returns float32[], to be made small.
    images : float32[images, ...]
    what : str
        What is being done, for *progress*.

    Returns
    -------
    list of float
        The loss of each step.

    Raises
    ------
    ValueError
        If there is no image, or the loss is no longer finite.
    """
    if not len(images):
        raise ValueError("images must be at least one, not none")
    trained = list(parameters)
    batch = min(training.batch, len(images))
    steps = max(1, round(training.epochs * len(images) / batch))
    chance = torch.Generator().manual_seed(training.seed)
    order = _batches(len(images), batch, chance)
    optimizer = torch.optim.Adam(trained, lr=training.rate)
    losses: list[float] = []
    start = time.monotonic()
    with _alone(network, trained):
        for step in range(steps):
            part = step / steps
            if training.seconds is not None:
                part = max(part, (time.monotonic() - start) / training.seconds)
            if part >= 1:
                break
            progress(what, round(part * steps), steps)
            for group in optimizer.param_groups:
                group["lr"] = training.rate * (1 + math.cos(math.pi * part)) / 2
            value = loss(vary(images[next(order)], chance))
            losses.append(value.item())
            if not math.isfinite(losses[-1]):
                raise ValueError(
                    f"loss must be finite, not {losses[-1]} at step {step}: lower the rate of "
                    f"{training.rate:g}"
                )
            optimizer.zero_grad()
            torch.autograd.backward(value)
            optimizer.step()
    progress(what, steps, steps)
    return losses


def _batches(images: int, batch: int, chance: torch.Generator) -> Iterator[Tensor]:
    """Yield batches in random order, without end; each pass leaves out what makes no whole one."""
    while True:
        order = torch.randperm(images, generator=chance)
        yield from order[: images // batch * batch].reshape(-1, batch)


@contextmanager
def _alone(network: nn.Module, trained: list[nn.Parameter]) -> Iterator[None]:
    """Let gradients reach no parameters but *trained* meanwhile."""
    before = [(each, each.requires_grad) for each in network.parameters()]
    try:
        for each, _ in before:
            each.requires_grad_(False)
        for each in trained:
            each.requires_grad_(True)
        yield
    finally:
        for each, required in before:
            each.requires_grad_(required)
            each.grad = None
