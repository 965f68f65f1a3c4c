"""Compare: what all methods reach on one network, and what coders of the literature do there."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..baselines.summary import Summary
from ..report.comparison import Coded, Comparison, Line, Rate
from ..report.record import Baseline
from . import coded, principal_coding
from .clip import RULES
from .compare_training import LESSONS, Lessons, reached
from .distil import Vary, unchanged
from .forward import BATCH
from .methods import METHODS, method
from .pipeline import chosen
from .progress import Progress, quietly
from .study import Study

SHARES = (1 / 2, 3 / 8, 5 / 16, 1 / 4, 3 / 16)
"""Rates where none are asked for: bits a value, as shares of the bits of a sample."""

WIDTHS = (16, 8, 6, 5, 4, 3)
"""Bits of the samples that lossless coders are told of, as far as samples have so many."""

ENERGIES = (0.99, 0.97, 0.9)
"""Shares of the energy that principal components keep."""

_TELL = {"measured": "", "zero": ", clipped at zero", "none": ", not clipped"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to compare."""

    methods: tuple[str, ...] = tuple(METHODS)
    #: Guaranteed bits a value; left out, :data:`SHARES` of a sample's.
    bits: tuple[float, ...] = ()
    #: How clips are chosen: names of :data:`~tilefold.calibrate.clip.RULES`.
    clips: tuple[str, ...] = ("measured",)
    #: Whether to measure the coders of the literature, too.
    baselines: bool = True
    #: What to train: names of :data:`~tilefold.calibrate.compare_training.LESSONS`.
    train: tuple[str, ...] = ()
    #: How long each training takes.
    minutes: float = 10.0

    def __post_init__(self) -> None:
        for name in self.methods:
            method(name)
        for bits in self.bits:
            if not bits > 0:
                raise ValueError(f"bits must be more than 0 a value, not {bits:g}")
        for name in self.clips:
            if name not in RULES:
                raise ValueError(f"clip must be one of {', '.join(RULES)}, not {name!r}")
        for name in self.train:
            if name not in LESSONS:
                raise ValueError(f"train must be one of {', '.join(LESSONS)}, not {name!r}")
        if not self.minutes > 0:
            raise ValueError(f"minutes must be more than 0, not {self.minutes:g}")


def compare(
    begun: Study,
    images: Tensor,
    labels: Tensor | None,
    plan: Plan,
    network: str,
    progress: Progress = quietly,
    *,
    trained_on: Tensor | None = None,
    vary: Vary = unchanged,
) -> Comparison:
    """Measure a plan on a network.

    Each method measures once, and chooses for all rates; each rate is evaluated on the images with
    every map through the exact codec. A rate that a method can't reach is told as left out.

    Parameters
    ----------
    begun : Study
        What is learnt is learnt from its images.
    images : float32[n, ...]
        Those that accuracy is told of: others than the study's.
    labels : int64[n]
    network : str
        What to call it.
    trained_on : float32[m, ...], optional
        What the plan trains, it trains on these; left out, on the study's.

    Raises
    ------
    ValueError
        If the images have no labels.
    """
    if labels is None:
        raise ValueError(
            "test images must have labels, to tell accuracy: give an archive with 'labels', or a "
            "folder for each label"
        )
    rates = plan.bits or tuple(share * begun.config.sample_width for share in SHARES)
    left_out: list[str] = []
    lines = list(_ours(begun, images, labels, plan, rates, left_out, progress))
    maps: tuple[Coded, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    if plan.baselines:
        stored = _lossless(begun, images, labels, progress)
        lines += _lines(stored)
        lines += _principal(begun, images, labels, rates, left_out, progress)
        maps = tuple(
            Coded(
                each.name,
                each.shape,
                stored[0].zeros[each.name],
                told(stored[0].of_map(each.name)),
            )
            for each in begun.maps
        )
        baselines = told(stored[0].of_all())
    more = begun.images if trained_on is None else trained_on
    lessons = Lessons(begun, more, 60 * plan.minutes, vary, images, labels, rates)
    for name in plan.train:
        lines += LESSONS[name](lessons, left_out, progress)
    with torch.no_grad():
        parts = zip(images.split(BATCH), labels.split(BATCH), strict=True)
        right = sum(int((begun.network(x).argmax(1) == y).sum()) for x, y in parts)
    return Comparison(
        network=network,
        digest=begun.config.digest,
        sample_width=begun.config.sample_width,
        images=len(begun.images),
        tests=len(images),
        accuracy_float=right / len(images),
        lines=tuple(lines),
        left_out=tuple(left_out),
        maps=maps,
        baselines=baselines,
    )


def told(summaries: dict[str, Summary]) -> tuple[Baseline, ...]:
    """What a report tells of coders, by their names."""
    return tuple(
        Baseline(name, each.width, each.mean_bits_per_value, each.worst_bits_per_value)
        for name, each in summaries.items()
    )


def _ours(
    begun: Study,
    images: Tensor,
    labels: Tensor,
    plan: Plan,
    rates: Sequence[float],
    left_out: list[str],
    progress: Progress,
) -> Iterator[Line]:
    """Evaluate our methods at all rates."""
    total = len(plan.methods) * len(rates)
    for number, name in enumerate(plan.methods):
        progress("comparing", number * len(rates), total)
        choose_for = METHODS[name](begun, progress)
        found: dict[str, list[Rate]] = {clip: [] for clip in plan.clips}
        for place, bits in enumerate(rates):
            progress("comparing", number * len(rates) + place, total)
            for clip in plan.clips:
                try:
                    at = chosen(begun, choose_for, bits, name, progress, RULES[clip])
                except ValueError as error:
                    left_out.append(f"{name} at {bits:g} bits: {error}")
                    break
                found[clip].append(reached(begun, at, bits, images, labels, progress))
        for clip, all_reached in found.items():
            yield Line(name + _TELL[clip], True, tuple(all_reached))
    progress("comparing", total, total)


def _lossless(
    begun: Study, images: Tensor, labels: Tensor, progress: Progress
) -> list[coded.Storage]:
    """Store all maps losslessly, as samples of their own width first and then of fewer bits."""
    full = begun.config.sample_width
    widths = [full, *(width for width in WIDTHS if width < full)]
    sites = begun.plain.values()
    of = {width: coded.quantisers(sites, begun.config, width) for width in widths}
    counts = coded.seen(begun.network, begun.maps, of, begun.images, progress)
    return [
        coded.store(
            begun.network,
            begun.maps,
            of[width],
            coded.coders(of[width], counts[width]),
            images,
            labels,
            progress,
        )
        for width in widths
    ]


def _lines(stored: Iterable[coded.Storage]) -> list[Line]:
    """Lines of all coders, by the width of the samples."""
    found: dict[str, list[Rate]] = {}
    for each in stored:
        assert each.accuracy is not None
        for name, of in each.of_all().items():
            bits, worst = of.mean_bits_per_value, of.worst_bits_per_value
            rate = Rate(f"{each.width}-bit samples", bits, worst, each.accuracy)
            found.setdefault(name, []).append(rate)
    return [Line(name, False, tuple(rates)) for name, rates in found.items()]


def _principal(
    begun: Study,
    images: Tensor,
    labels: Tensor,
    rates: Sequence[float],
    left_out: list[str],
    progress: Progress,
) -> list[Line]:
    """Evaluate principal components with Huffman coding, by energy and greedily."""
    measured = principal_coding.measure(begun.network, begun.maps, begun.images, progress)

    def at(kept: dict[str, int], setting: str) -> Rate:
        coding = measured.keep(kept)
        accuracy, of = principal_coding.store(coding, images, labels, progress)
        return Rate(setting, of.mean_bits_per_value, of.worst_bits_per_value, accuracy)

    by_energy = [at(measured.by_energy(share), f"T = {share:g}") for share in ENERGIES]
    greedily: list[Rate] = []
    kept: dict[str, int] = {}
    name = "PCA and Huffman, greedy"
    for bits in rates:
        before = kept
        try:
            kept = measured.within(bits)
        except ValueError as error:
            left_out.append(f"{name} at {bits:g} bits: {error}")
            continue
        if kept != before:  # all components may take less than several rates
            greedily.append(at(kept, f"{bits:g} bits"))
    return [
        Line("PCA and Huffman", False, tuple(by_energy)),
        Line(name, False, tuple(greedily)),
    ]
