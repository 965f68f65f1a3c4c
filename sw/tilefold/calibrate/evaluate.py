"""Evaluation: a network with its maps stored, against the same network in floats."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import log10

import numpy as np
import torch
from torch import Tensor, fx, nn

from tilefold_hw.config import CodecConfig

from ..bundle import Site
from ..maps import golden
from ..maps import through as through_golden
from .codec import Counts, through
from .forward import BATCH, forward
from .progress import Progress, quietly
from .sites import StoredMap


@dataclass(slots=True)
class Damage:
    """What storing did to a map."""

    counts: Counts = field(default_factory=Counts)
    #: Sum of the squares of the map, and of what was restored of it less the map.
    power: float = 0.0
    noise: float = 0.0

    @property
    def decibels(self) -> float:
        """Signal over noise, 10 log₁₀ of it."""
        return 10 * log10(self.power / self.noise) if self.noise and self.power else float("inf")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a network answers with its maps stored."""

    images: int
    #: Share of the images whose largest answer is the label's, where there are labels: in floats,
    #: and with the maps stored.
    accuracy: float | None
    stored_accuracy: float | None
    #: Share of the images whose largest answer is the same with and without.
    agreement: float
    #: Mean Kullback-Leibler divergence of the answers from those in floats, in nats.
    divergence: float
    #: By name of the map.
    damage: Mapping[str, Damage]

    @property
    def drop(self) -> float:
        """Accuracy that is lost; without labels, the share of answers that changed."""
        if self.accuracy is None or self.stored_accuracy is None:
            return 1 - self.agreement
        return self.accuracy - self.stored_accuracy


def evaluate(
    network: fx.GraphModule,
    maps: Iterable[StoredMap],
    sites: Iterable[Site],
    config: CodecConfig,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    reference: nn.Module | None = None,
    progress: Progress = quietly,
) -> Evaluation:
    """Run *network* with the maps of *sites* stored, every one through the exact codec.

    The codec is :mod:`~tilefold.calibrate.codec`; on the first image it is compared with the golden
    model, so that no figure rests on it alone.

    Parameters
    ----------
    maps : iterable of StoredMap
        The network's; those without a site stay as they are.
    images : float32[n, ...]
    labels : int64[n], optional
    reference : Module, optional
        What to compare with; left out, *network* itself in floats.

    Raises
    ------
    ValueError
        If there is no image, or the labels are not the images'.
    """
    named = {site.name: site for site in sites}
    maps = tuple(each for each in maps if each.name in named)
    if not len(images):
        raise ValueError("images must be at least one, not none")
    if labels is not None and labels.shape != (len(images),):
        raise ValueError(f"labels must be {len(images)}, one an image, not {list(labels.shape)}")
    damage = {name: Damage() for name in named}
    checked: set[str] = set()

    def store(name: str, values: Tensor) -> Tensor:
        found = damage[name]
        restored = through(named[name], config, values, found.counts)
        if name not in checked:
            checked.add(name)
            _require_golden(named[name], config, values[:1], restored[:1])
        found.power += float(values.square().sum(dtype=torch.float64))
        found.noise += float((restored - values).square().sum(dtype=torch.float64))
        return restored

    right = stored_right = same = 0
    divergence = 0.0
    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            progress("evaluating", start, len(images))
            batch = images[start : start + BATCH]
            expected = (network if reference is None else reference)(batch).flatten(1)
            answers = forward(network, maps, batch, store).flatten(1)
            same += int((answers.argmax(1) == expected.argmax(1)).sum())
            logs = [each.double().log_softmax(1) for each in (expected, answers)]
            divergence += float((logs[0].exp() * (logs[0] - logs[1])).sum())
            if labels is not None:
                wanted = labels[start : start + BATCH]
                right += int((expected.argmax(1) == wanted).sum())
                stored_right += int((answers.argmax(1) == wanted).sum())
    progress("evaluating", len(images), len(images))
    count = len(images)
    return Evaluation(
        images=count,
        accuracy=None if labels is None else right / count,
        stored_accuracy=None if labels is None else stored_right / count,
        agreement=same / count,
        divergence=divergence / count,
        damage=damage,
    )


def _require_golden(site: Site, config: CodecConfig, maps: Tensor, restored: Tensor) -> None:
    expected = through_golden(site, config, golden(config), maps.numpy())
    if not np.array_equal(restored.numpy(), expected):
        raise RuntimeError(f"codec of {site.name} differs from the golden model: this is a defect")
