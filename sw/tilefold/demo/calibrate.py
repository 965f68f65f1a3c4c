"""Calibration of the demo's network: projection, quantisation, and tables for a target rate.

This is the simple one: widths from the ranges that coefficients take on training images, one step
a map, chosen greedily by the error that it makes in the logits per bit that it saves.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tilefold_hw.budget import packet_words
from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Clip, Layer
from tilefold_hw.table import Table, uniform

from ..bundle import Bundle, Site
from ..maps import Floats, golden, plain, through, to_samples
from ..model.arith import Ints, round_shift
from ..model.dct import dct
from ..model.level import centre
from ..model.reorder import to_tiles
from ..model.tiles import cut, group_count
from .network import Linear, Network, forward

ENERGY = 0.995
"""Share of the projected map's energy that its principal components keep."""

SUBSET = 96
"""Training images on which the error of a step is measured."""

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A step that a map could have."""

    layer: Layer
    #: Words of a packet.
    words: int
    #: Mean square of the change that it alone makes to the logits.
    error: float


def project(network: Network, name: str, images: Floats, energy: float = ENERGY) -> Network:
    """Project the map of a linear convolution onto its principal components, folded away.

    With the components as rows of K_C and as columns of K_D, the convolution becomes ``K_C · W``
    and ``K_C · b``, and the one that reads the map ``W' · K_D``.

    Parameters
    ----------
    name : str
        The convolution: one with a linear map of zero mean, so that nothing is to be subtracted.
    images : float32[n, 1, h, w]
        Training images.
    energy : float
        Share of the map's energy to keep.

    Source
    ------
    Tai et al. 2022 for the principal components and their choice by energy; Rossigneux et al. 2023,
    equations 3 and 4, for the folding.
    """
    names = [conv.name for conv in network.convolutions]
    place = names.index(name)
    before, after = network.convolutions[place : place + 2]
    if before.relu:
        raise ValueError(f"{name} must be linear to be projected, not followed by a ReLU")
    stored = _maps_of(network, images)[name]
    pixels = stored.transpose(0, 2, 3, 1).reshape(-1, stored.shape[1]).astype(np.float64)
    eigenvalues, vectors = np.linalg.eigh(pixels.T @ pixels)
    shares = np.cumsum(eigenvalues[::-1]) / eigenvalues.sum()
    count = int(np.searchsorted(shares, energy)) + 1
    compress = vectors[:, ::-1][:, :count].T  # K_C; K_D is its transpose
    folded = list(network.convolutions)
    folded[place] = replace(
        before,
        weight=np.einsum("km,mcyx->kcyx", compress, before.weight).astype(np.float32),
        bias=(compress @ before.bias).astype(np.float32),
    )
    folded[place + 1] = replace(
        after, weight=np.einsum("omyx,km->okyx", after.weight, compress).astype(np.float32)
    )
    return Network(tuple(folded), network.linear)


def calibrate(
    network: Network,
    images: Floats,
    config: CodecConfig,
    bits: float,
    progress: Progress = lambda what, done, total: None,
) -> Bundle:
    """Calibrate a network for a target rate.

    Parameters
    ----------
    network : Network
    images : float32[n, 1, h, w]
        Training images.
    config : CodecConfig
        The hardware.
    bits : float
        Guaranteed bits a stored value, at most.

    Raises
    ------
    ValueError
        If no choice of steps is within *bits*.
    """
    base, samples = quantise(network, images, config)
    sites = base.sites
    coefficients = {name: _coefficients(each, config) for name, each in samples.items()}
    maps = _maps_of(network, images[:SUBSET])
    total = len(sites) * config.shift_max
    choices: list[list[Choice]] = []
    for number, site in enumerate(sites):
        steps = []
        for shift in range(config.shift_max):
            progress("measuring steps", number * config.shift_max + shift, total)
            layer = replace(site.layer, **_ranged_tables(coefficients[site.name], shift, config))
            error = _error(replace(site, layer=layer), config, network, maps)
            steps.append(Choice(layer, packet_words(config, layer), error))
        choices.append(steps)
    progress("measuring steps", total, total)

    room = int(bits * sum(site.values for site in sites)) // config.word_width
    chosen = []
    for site, choice in zip(sites, choose(choices, room), strict=True):
        # A ReLU's zero is not always worth restoring: what clips noise from below lifts the mean.
        clips = {site.layer.clip, Clip()}
        layers = [replace(choice.layer, clip=clip) for clip in sorted(clips, key=str)]
        options = [replace(site, layer=layer) for layer in layers]
        chosen.append(min(options, key=lambda each: _error(each, config, network, maps)))
    return Bundle(config, tuple(chosen), tensors(network))


def quantise(
    network: Network, images: Floats, config: CodecConfig
) -> tuple[Bundle, dict[str, Ints]]:
    """Quantise every stored map to samples that hold all its values.

    Returns
    -------
    bundle : Bundle
        A site for every map, with a table that keeps all coefficients.
    samples : dict of int32[n, C, H, W]
        The samples of the images' maps, by name.
    """
    sites: list[Site] = []
    samples: dict[str, Ints] = {}

    def collect(name: str, maps: Floats) -> Floats:
        relu = next(conv.relu for conv in network.convolutions if conv.name == name)
        sites.append(_quantised(name, maps, relu, config))
        samples[name] = to_samples(maps, sites[-1], config)
        return maps

    forward(network, images, collect)
    return Bundle(config, tuple(sites), tensors(network)), samples


def choose(choices: list[list[Choice]], room: int) -> list[Choice]:
    """Choose a step for every map: the greedy descent along the cheapest error a word.

    Source: the greedy choice across layers by loss per bit saved is that of Tai et al. 2022.

    Parameters
    ----------
    choices : list of lists of Choice
        The steps that each map could have, finest first.
    room : int
        Words that all maps may take together.
    """
    current = [0] * len(choices)

    def words() -> int:
        return sum(steps[at].words for steps, at in zip(choices, current, strict=True))

    while words() > room:
        moves = [
            ((steps[to].error - steps[at].error) / (steps[at].words - steps[to].words), place, to)
            for place, (steps, at) in enumerate(zip(choices, current, strict=True))
            for to in range(at + 1, len(steps))
            if steps[to].words < steps[at].words
        ]
        if not moves:
            raise ValueError(
                f"the rate must allow at least {words()} words for the maps of an image, not {room}"
            )
        _, place, to = min(moves)
        current[place] = to
    return [steps[at] for steps, at in zip(choices, current, strict=True)]


def tensors(network: Network) -> dict[str, Floats]:
    """Tensors of a network with everything folded, as a bundle carries them."""
    named = {}
    for conv in network.convolutions:
        named[f"{conv.name}.weight"] = conv.weight
        named[f"{conv.name}.bias"] = conv.bias
    return named | {"linear.weight": network.linear.weight, "linear.bias": network.linear.bias}


def restore(bundle: Bundle, trained: Network) -> Network:
    """Build the network that a bundle carries; strides and ReLUs are those of the trained one."""
    convolutions = [
        replace(
            conv,
            weight=bundle.tensors[f"{conv.name}.weight"],
            bias=bundle.tensors[f"{conv.name}.bias"],
        )
        for conv in trained.convolutions
    ]
    linear = Linear(bundle.tensors["linear.weight"], bundle.tensors["linear.bias"])
    return Network(tuple(convolutions), linear)


def _quantised(name: str, maps: Floats, relu: bool, config: CodecConfig) -> Site:
    """Site with the scale and zero that hold every value of *maps*, and a table that keeps all."""
    channels, height, width = maps.shape[1:]
    top = float(np.abs(maps).max())
    # A linear map is signed: its zero lies in the middle of the unsigned samples.
    zero = config.sample.min if relu else (config.sample.min + config.sample.max + 1) // 2
    keep = uniform(config.tile, config.field.width, config.coefficient.width - config.field.width)
    layer = Layer(
        groups=group_count(height, width, config.tile),
        tables=(keep,),
        index=(0,) * channels,
        clip=Clip(0) if relu else Clip(),
    )
    return Site(name, height, width, top / (config.sample.max - zero), zero, layer)


def _maps_of(network: Network, images: Floats) -> dict[str, Floats]:
    """The stored maps of *images*, by name."""
    maps: dict[str, Floats] = {}

    def collect(name: str, x: Floats) -> Floats:
        maps[name] = x
        return x

    forward(network, images, collect)
    return maps


def _error(site: Site, config: CodecConfig, network: Network, maps: dict[str, Floats]) -> float:
    """Mean square of the change that one compressed map makes to the logits."""
    # The change shows behind the map; the network before it need not run again.
    place = [conv.name for conv in network.convolutions].index(site.name)
    behind = Network(network.convolutions[place + 1 :], network.linear)
    logits = [
        forward(behind, through(site, config, codec, maps[site.name]))
        for codec in (plain, golden(config))
    ]
    return float(np.mean((logits[1] - logits[0]) ** 2))


def _coefficients(samples: Ints, config: CodecConfig) -> Ints:
    """Coefficients of the maps of a batch: ``int32[n, G, K, pixels]``."""
    groups = np.stack([cut(each, config.tile) for each in samples])
    return dct(centre(to_tiles(groups), config), config.transform)


def _ranged_tables(coefficients: Ints, shift: int, config: CodecConfig) -> dict[str, Any]:
    """Tables of one step whose widths hold every coefficient that was seen, and their index.

    Parameters
    ----------
    coefficients : int32[n, G, K, pixels]
    """
    rounded = round_shift(coefficients, shift)
    low, high = rounded.min(axis=(0, 1)), rounded.max(axis=(0, 1))
    # Two's complement: -1 needs what 0 does, and anything but 0 alone needs a sign bit.
    magnitude = np.maximum(np.where(low < 0, ~low, low), high)
    widths = np.ceil(np.log2(magnitude + 1)).astype(int) + ((low != 0) | (high != 0))
    widths = np.minimum(widths, config.field.width)
    rows = [tuple(row) for row in widths.tolist()]
    distinct = sorted(set(rows))
    steps = (shift,) * config.pixels
    return {
        "tables": tuple(Table(row, steps) for row in distinct),
        "index": tuple(distinct.index(row) for row in rows),
    }
