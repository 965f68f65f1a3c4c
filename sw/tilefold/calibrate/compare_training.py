"""What training adds to a comparison: tuned weights, and projections that are trained.

Each training takes as long as it is told to. No labels are used but to tell accuracy.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, fx

from ..report.comparison import Line, Rate
from . import coded, principal_coding
from .distil import Vary
from .evaluate import evaluate
from .fold import fold
from .forward import BATCH, Store, forward
from .learned import LEARNING
from .methods import METHODS
from .narrow import FIRST, SECOND
from .pipeline import Calibrated, chosen
from .prochan import plan, prochan, relu_of
from .progress import Progress, quietly
from .sites import ceiling, find
from .statistics import gather
from .study import Study
from .tune import TUNING, tune

CEILINGS = (2, 4)
"""No map is to be larger than the largest over these."""

WIDTHS = (8, 4, 2)
"""Bits of the samples of a projected map."""

ENERGIES = (0.9, 0.85)
"""Shares of the energy that the principal components hold which learnt projections begin as."""


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """What to train on, for how long, and what to test on."""

    begun: Study
    #: To train on: float32[n, ...].
    images: Tensor
    #: How long each training takes.
    seconds: float
    vary: Vary
    #: To tell accuracy of: float32[m, ...] and int64[m].
    tests: Tensor
    labels: Tensor
    #: Guaranteed bits a value.
    rates: tuple[float, ...]


Teach = Callable[[Lessons, list[str], Progress], Iterator[Line]]
"""Trains and tells what it reaches; adds to the list what can't be done, and why."""


def tuned(lessons: Lessons, left_out: list[str], progress: Progress = quietly) -> Iterator[Line]:
    """Tune all weights to the tables that `allocate` chooses."""
    begun = lessons.begun
    choose_for = METHODS["allocate"](begun, progress)
    training = replace(TUNING, seconds=lessons.seconds)
    found = []
    for bits in lessons.rates:
        try:
            at = chosen(begun, choose_for, bits, "allocate", progress)
        except ValueError as error:
            left_out.append(f"allocate, tuned, at {bits:g} bits: {error}")
            continue
        at = tune(at, lessons.images, training, lessons.vary, progress)
        found.append(reached(begun, at, bits, lessons.tests, lessons.labels, progress))
    yield Line("allocate, tuned", True, tuple(found))


def projected(
    lessons: Lessons, left_out: list[str], progress: Progress = quietly
) -> Iterator[Line]:
    """Narrow maps by projections around their ReLUs, which PACT then takes the place of, and fold.

    Every other map is stored as plain samples.
    """
    begun, images = lessons.begun, lessons.begun.images
    maps = {each.name: each for each in begun.maps}
    width = begun.config.sample_width
    plain = coded.quantisers(begun.plain.values(), begun.config, width)
    for k in CEILINGS:
        line = f"ProChan, largest map over {k}"
        try:
            kept, left = plan(begun.network, ceiling(maps.values(), k))
        except ValueError as error:
            left_out.append(f"{line}: {error}")
            continue
        for name in [name for name in kept if relu_of(begun.network, name) is None]:
            del kept[name]
            left[name] = f"{name} has no ReLU that PACT could take the place of"
        left_out += [f"{line}: {reason}" for reason in left.values()]
        others = {name: each for name, each in maps.items() if name not in kept}
        narrow = [maps[name] for name in kept]
        statistics = gather(begun.network, narrow, images.split(BATCH), total=len(images))

        def rounded(name: str, values: Tensor, others: Collection[str] = others) -> Tensor:
            return plain[name].through(values) if name in others else values

        found = []
        for bits in WIDTHS if kept else ():
            student = prochan(
                begun.network,
                kept,
                statistics,
                lessons.images,
                replace(FIRST, seconds=lessons.seconds / 2 / len(kept)),
                replace(SECOND, seconds=lessons.seconds / 2),
                bits,
                rounded,
                vary=lessons.vary,
                progress=progress,
            )
            taken = width * sum(each.values for each in others.values())
            taken += bits * sum(each.values // each.shape[0] * kept[each.name] for each in narrow)
            of_all = taken / begun.values
            accuracy = _accuracy(fold(student), rounded, lessons)
            found.append(Rate(f"PACT of {bits} bits", of_all, of_all, accuracy))
        yield Line(line, True, tuple(found))


def learned(lessons: Lessons, left_out: list[str], progress: Progress = quietly) -> Iterator[Line]:
    """Train principal components' projections, and code what they give as those are coded."""
    begun = lessons.begun
    measured = principal_coding.measure(begun.network, begun.maps, begun.images, progress)
    training = replace(LEARNING, seconds=lessons.seconds)
    found = []
    for share in ENERGIES:
        coding = principal_coding.learnt(
            measured.keep(measured.by_energy(share)),
            measured.statistics,
            lessons.images,
            training,
            begun.images,
            lessons.vary,
            progress,
        )
        accuracy, bits = principal_coding.store(coding, lessons.tests, lessons.labels, progress)
        found.append(
            Rate(
                f"begun as T = {share:g}",
                bits.mean_bits_per_value,
                bits.worst_bits_per_value,
                accuracy,
            )
        )
    yield Line("PCA and Huffman, learnt", False, tuple(found))


LESSONS: Mapping[str, Teach] = {"tune": tuned, "prochan": projected, "learned": learned}
"""What can be trained, by name."""


def reached(
    begun: Study,
    at: Calibrated,
    bits: float,
    images: Tensor,
    labels: Tensor,
    progress: Progress = quietly,
) -> Rate:
    """Tell what tables that were chosen for *bits* take and reach on test images.

    Maps that are left as they are count, too: so all lines tell of the same maps.
    """
    plain = (begun.values - at.study.values) * begun.config.sample_width
    whole = (at.bits * at.study.values + plain) / begun.values
    accuracy = evaluate(
        at.study.network, begun.maps, at.sites, begun.config, images, labels, progress=progress
    ).stored_accuracy
    assert accuracy is not None
    return Rate(f"{bits:g} bits", whole, whole, accuracy)


def _accuracy(network: fx.GraphModule, store: Store, lessons: Lessons) -> float:
    """Share of the test images that are told right."""
    maps = [each for each in find(network) if each.obstacle is None]
    right = 0
    with torch.no_grad():
        for start in range(0, len(lessons.tests), BATCH):
            answers = forward(network, maps, lessons.tests[start : start + BATCH], store)
            right += int((answers.argmax(1) == lessons.labels[start : start + BATCH]).sum())
    return right / len(lessons.tests)
