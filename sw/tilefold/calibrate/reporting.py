"""A report of a bundle: what it stores, what that costs, and what coders of the literature do."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict

import torch
from torch import Tensor, fx

from tilefold_hw.budget import packet_words
from tilefold_hw.config import PRESETS, CodecConfig
from tilefold_hw.layer import Clip

from ..bundle import Bundle, Site
from ..report.comparison import Comparison
from ..report.record import Configuration, Heat, Layer, Picture, Report, Skipped
from . import coded
from .codec import through
from .compare import told
from .evaluate import Damage, Evaluation
from .forward import forward
from .progress import Progress, quietly
from .sites import StoredMap, find

PICTURES = 6
"""Maps that are shown before and after, spread over the network."""


def report(
    network: str,
    graph: fx.GraphModule,
    bundle: Bundle,
    evaluation: Evaluation,
    images: Tensor,
    training: Tensor | None = None,
    comparison: Comparison | None = None,
    progress: Progress = quietly,
) -> Report:
    """Tell all of a bundle.

    Parameters
    ----------
    network : str
        What to call it.
    graph : GraphModule
        The network that the bundle carries.
    evaluation : Evaluation
        Of it, on *images* with labels.
    images : float32[n, ...]
        Test images; the first is the one whose maps are shown.
    training : float32[n, ...], optional
        Images that a fitted Huffman code is made from; without them, it is left out.
    comparison : Comparison, optional
        Adds what other methods and rates reach on this network.

    Raises
    ------
    ValueError
        If accuracy is not known, or the comparison is of another network or configuration.
    """
    if evaluation.accuracy is None or evaluation.stored_accuracy is None:
        raise ValueError("test images must have labels, to tell accuracy")
    config = bundle.config
    if comparison is not None and (comparison.network, comparison.digest) != (
        network,
        config.digest,
    ):
        raise ValueError(
            f"comparison must be of {network} on configuration {config.digest[:12]}, not of "
            f"{comparison.network} on {comparison.digest[:12]}"
        )
    maps = find(graph)
    named = {site.name: site for site in bundle.sites}
    of = coded.quantisers(bundle.sites, config, config.sample_width)
    counts = None
    if training is not None:
        width = config.sample_width
        counts = coded.seen(graph, maps, {width: of}, training, progress)[width]
    stored = coded.store(graph, maps, of, coded.coders(of, counts), images, progress=progress)
    layers = tuple(
        _layer(each, named[each.name], config, evaluation, stored)
        for each in maps
        if each.name in named
    )
    preset = next((name for name, each in PRESETS.items() if each == config), "of its own")
    return Report(
        title=f"{network}, compressed",
        network=network,
        configuration=Configuration(
            preset, config.digest, config.sample_width, config.word_width, asdict(config)
        ),
        accuracy_float=evaluation.accuracy,
        accuracy=evaluation.stored_accuracy,
        layers=layers,
        skipped=tuple(
            Skipped(
                each.name,
                each.shape or (1,),
                len(each.readers),
                each.obstacle or "no layer of the bundle is for it",
            )
            for each in maps
            if each.name not in named
        ),
        baselines=told(stored.of_all()),
        series=() if comparison is None else comparison.series,
        pictures=_pictures(graph, maps, named, config, images),
        heats=tuple(_heat(site, config) for site in bundle.sites),
    )


def _layer(
    each: StoredMap,
    site: Site,
    config: CodecConfig,
    evaluation: Evaluation,
    stored: coded.Storage,
) -> Layer:
    damage, count = evaluation.damage[each.name], evaluation.images * site.values
    return Layer(
        name=each.name,
        shape=each.shape,
        words=packet_words(config, site.layer),
        reads=len(each.readers),
        settings=_settings(site, config),
        clip=_clip(site),
        saturated=damage.counts.saturated / max(damage.counts.stored, 1),
        snr_db=_decibels(damage),
        rms_error=(damage.noise / count) ** 0.5 / site.scale,
        zeros=stored.zeros[each.name],
        baselines=told(stored.of_map(each.name)),
    )


def _settings(site: Site, config: CodecConfig) -> str:
    layer = site.layer
    kept = [
        (width, shift)
        for table in layer.tables
        for width, shift in zip(table.widths, table.shifts, strict=True)
        if width
    ]
    words = f"{len(layer.tables)} table{'s' if len(layer.tables) > 1 else ''}"
    if config.sevens:
        words += f", tiles of {layer.on(config).tile}"
    if not kept:
        return f"{words}, nothing kept"
    for name, values in zip(("widths", "shifts"), zip(*kept, strict=True), strict=True):
        low, high = min(values), max(values)
        words += f", {name} {low}" + (f" to {high}" if high > low else "")
    return words


def _clip(site: Site) -> str:
    clip = site.layer.clip
    if clip == Clip():
        return "none"
    low = "lowest" if clip.low is None else str(clip.low)
    return f"{low} to {'highest' if clip.high is None else clip.high}"


def _decibels(damage: Damage) -> float | None:
    """Signal over error; none where there is no error, or no signal to compare it with."""
    return damage.decibels if damage.noise and damage.power else None


def _heat(site: Site, config: CodecConfig) -> Heat:
    n = site.layer.on(config).tile
    tables = [site.layer.tables[number] for number in site.layer.index]

    def mean(entries: list[tuple[int, ...]]) -> tuple[tuple[float, ...], ...]:
        # Scan order is raster over (u, v), u the horizontal frequency.
        return tuple(
            tuple(sum(each[u * n + v] for each in entries) / len(entries) for u in range(n))
            for v in range(n)
        )

    return Heat(
        site.name,
        widths=mean([table.widths for table in tables]),
        shifts=mean([table.shifts for table in tables]),
        channels=tuple(table.bits / (n * n) for table in tables),
    )


def _pictures(
    graph: fx.GraphModule,
    maps: Iterable[StoredMap],
    named: Mapping[str, Site],
    config: CodecConfig,
    images: Tensor,
) -> tuple[Picture, ...]:
    """Show the strongest channel of some maps, as stored maps follow from stored maps."""
    names = [each.name for each in maps if each.name in named]
    count = min(PICTURES, len(names))
    shown = {names[number * len(names) // count] for number in range(count)}
    pictures: list[Picture] = []

    def watch(name: str, values: Tensor) -> Tensor:
        restored = through(named[name], config, values)
        if name in shown:
            channel = int(values[0].flatten(1).var(1, correction=0).argmax())
            before, after = values[0, channel], restored[0, channel]
            low, high = float(before.min()), float(before.max())
            span = high - low or 1.0
            pictures.append(
                Picture(name, channel, *(_greys((each - low) / span) for each in (before, after)))
            )
        return restored

    with torch.no_grad():
        forward(graph, [each for each in maps if each.name in named], images[:1], watch)
    return tuple(pictures)


def _greys(values: Tensor) -> tuple[tuple[int, ...], ...]:
    rows = (255 * values).round().clamp(0, 255).int().tolist()
    return tuple(tuple(row) for row in rows)
