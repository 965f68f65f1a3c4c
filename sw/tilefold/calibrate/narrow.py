"""Narrowing: maps get fewer channels before anything else is chosen for them.

Both ways end in projections that fold into the convolutions around a map: what runs is a smaller
network of the same layers, and its narrower maps are calibrated as any others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor, fx

from .distil import Training, Vary, unchanged
from .fold import fold
from .forward import BATCH
from .neighbours import Neighbours, neighbours
from .principal import components, principal
from .prochan import plan, prochan
from .progress import Progress, quietly
from .project import project, require_no_border
from .sites import StoredMap, ceiling, choose, find
from .statistics import Statistics, gather

FIRST = Training(epochs=30, batch=32, rate=1e-3)
"""Of each projection by itself, for so long as there is time."""

SECOND = Training(epochs=30, batch=32, rate=2e-4)
"""Of all weights: steps of the first kind would undo what they have learnt."""


@dataclass(frozen=True, slots=True, eq=False)
class Narrowed:
    """A network with narrower maps."""

    network: fx.GraphModule
    #: By name, channels of each map that became narrower, and those it had.
    channels: Mapping[str, tuple[int, int]]
    #: By name, why each other map that was asked for did not.
    left: Mapping[str, str]


def by_energy(
    network: fx.GraphModule,
    images: Tensor,
    share: float,
    patterns: tuple[str, ...] = (),
    progress: Progress = quietly,
) -> Narrowed:
    """Keep the principal components that hold a share of each map's energy.

    Of linear maps alone: through a nonlinearity, components don't fold.

    Parameters
    ----------
    network : GraphModule
        As :func:`~tilefold.calibrate.trace.trace` makes it.
    images : float32[n, ...]
        Training images.
    share : float
        More than 0 and at most 1, as :func:`~tilefold.calibrate.principal.components` takes it.
    patterns : tuple of str
        Maps, as :func:`~tilefold.calibrate.sites.choose` takes them.

    Raises
    ------
    ValueError
        If *share* is none.
    """
    if not 0 < share <= 1:
        raise ValueError(f"energy must be more than 0 and at most 1, not {share:g}")
    channels: dict[str, tuple[int, int]] = {}
    left: dict[str, str] = {}
    linear = []
    for each in choose(find(network), *patterns):
        try:
            around = neighbours(network, each.name)
        except ValueError as error:
            left[each.name] = str(error)
            continue
        if around.stored is around.linear:
            linear.append(each)
        else:
            left[each.name] = (
                f"{each.name} has no principal components that fold: a nonlinearity is behind it"
            )
    found = _statistics(network, linear, images, progress)
    narrowed = network
    for each in linear:
        around = neighbours(narrowed, each.name)
        unbiased = _border(narrowed, around)
        # One direction more is the mean's: so the share is held without biases, too.
        kept = components(found[each.name], share) + unbiased
        if kept >= each.shape[0]:
            left[each.name] = f"{each.name} needs all of its components for so much energy"
            continue
        pair = principal(found[each.name], kept, unbiased=unbiased)
        narrowed = project(
            narrowed,
            each.name,
            pair.compress,
            pair.expand,
            compress_bias=pair.compress_bias,
            expand_bias=pair.expand_bias,
        )
        channels[each.name] = (kept, each.shape[0])
    return Narrowed(fold(narrowed), channels, left)


def by_ceiling(
    network: fx.GraphModule,
    images: Tensor,
    k: float,
    seconds: float,
    vary: Vary = unchanged,
    progress: Progress = quietly,
) -> Narrowed:
    """Let no map be larger than the largest over *k*, by trained projections: ProChan.

    Nonlinearities stay as they are, without :class:`~tilefold.calibrate.pact.Pact`: what rounds the
    narrower maps are their tables, which are chosen later.

    Parameters
    ----------
    network, images
        As in :func:`by_energy`.
    k : float
        At least 1, as :func:`~tilefold.calibrate.sites.ceiling` takes it.
    seconds : float
        To train for: half of it the projections, one by one, and half of it all weights.

    Raises
    ------
    ValueError
        If *k* is less than 1, or a map above the ceiling can't be compressed.

    Source
    ------
    Rossigneux et al. 2023.
    """
    maps = {each.name: each for each in find(network)}
    kept, left = plan(network, ceiling(maps.values(), k))
    if not kept:
        return Narrowed(network, {}, left)
    found = _statistics(network, [maps[name] for name in kept], images, progress)
    first = replace(FIRST, seconds=seconds / 2 / len(kept))
    second = replace(SECOND, seconds=seconds / 2)
    trained = prochan(network, kept, found, images, first, second, vary=vary, progress=progress)
    channels = {name: (count, maps[name].shape[0]) for name, count in kept.items()}
    return Narrowed(fold(trained), channels, left)


def _statistics(
    network: fx.GraphModule, maps: list[StoredMap], images: Tensor, progress: Progress
) -> dict[str, Statistics]:
    return gather(network, maps, images.split(BATCH), total=len(images), progress=progress)


def _border(network: fx.GraphModule, around: Neighbours) -> bool:
    """Whether a border of zeros is read, in front of which no bias folds."""
    try:
        require_no_border(network, around.stored, around.reader)
    except ValueError:
        return True
    return False
