"""ProChan: projections around the nonlinearity, put in one by one and trained, to be folded.

In the first phase, each projection is put in and trained alone, with all that were put in before
it in place. In the second, the whole network is trained. Both learn from the answers of the network
as it was, so no labels are needed. Batch norms keep their statistics; folding then takes them away.

Source: Rossigneux et al. 2023.
"""

import copy
from collections.abc import Mapping

import numpy as np
from torch import Tensor, fx

from .distil import Training, Vary, train, unchanged
from .forward import Store
from .kinds import Kind, kind
from .learned import Loss
from .neighbours import obstacle
from .pact import Pact, first_bound
from .progress import Progress, quietly
from .project import project
from .selection import select
from .sites import choose, find, kept_channels
from .statistics import Statistics
from .trace import names, operation, propagate

_RELUS = {"ReLU", "ReLU6", "relu", "relu6"}


def plan(
    network: fx.GraphModule, ratios: Mapping[str, float]
) -> tuple[dict[str, int], dict[str, str]]:
    """Tell how many channels each map keeps, and what can't be projected.

    Parameters
    ----------
    ratios : mapping of str to float
        By how much to compress, by name: see :func:`~tilefold.calibrate.sites.ceiling`.

    Returns
    -------
    kept : dict of int
        Channels, by name, in the order of the network.
    left : dict of str
        Why not, by name, for those whose projection could not be folded.
    """
    kept, left = {}, {}
    for each in choose(find(network), *ratios) if ratios else ():
        reason = obstacle(network, each.name)
        if reason is None:
            kept[each.name] = kept_channels(each, ratios[each.name])
        else:
            left[each.name] = reason
    return kept, left


def prochan(
    network: fx.GraphModule,
    kept: Mapping[str, int],
    statistics: Mapping[str, Statistics],
    images: Tensor,
    first: Training,
    second: Training,
    bits: int | None = None,
    store: Store = lambda name, maps: maps,
    hint: float = 1.0,
    vary: Vary = unchanged,
    progress: Progress = quietly,
) -> fx.GraphModule:
    """Project maps and train the network to do with them what it did.

    Parameters
    ----------
    kept : mapping of str to int
        Channels that each map keeps, by name: see :func:`plan`.
    statistics : mapping of str to Statistics
        Of these maps.
    images : float32[images, ...]
        Training images.
    first, second : Training
        Each projection's by itself, and the network's.
    bits : int, optional
        Put :class:`~tilefold.calibrate.pact.Pact` of so many bits in place of the ReLU of each of
        these maps; a map that has none stays as it is.
    store : callable
        What befalls stored maps, such as their rounding.
    hint : float
        Weight of the hint loss beside that of distillation.

    Returns
    -------
    GraphModule
        A copy with trained projections, which :func:`~tilefold.calibrate.fold.fold` folds.

    Raises
    ------
    ValueError
        If a projection could not be folded, or the statistics of a map are missing.
    """
    for name in kept:
        if name not in statistics:
            raise ValueError(f"statistics must be of all maps to be projected, not without {name}")
    student = copy.deepcopy(network)
    for number, name in enumerate(kept):
        pair = select(statistics[name], kept[name])
        student = project(
            student,
            name,
            pair.compress,
            pair.expand,
            # Zeros to begin with; they are trained.
            compress_bias=pair.compress.new_zeros(kept[name]),
        )
        added = [student.get_submodule(f"{name}_{half}") for half in ("compress", "expand")]
        if bits is not None:
            added += bound(student, name, bits, statistics[name])
        train(
            student,
            [each for layer in added for each in layer.parameters()],
            Loss(student, network, store, hint),
            images,
            first,
            f"projection {number + 1} of {len(kept)}: {name}",
            vary,
            progress,
        )
    loss = Loss(student, network, store, hint)
    train(student, student.parameters(), loss, images, second, "training all", vary, progress)
    return student


def bound(network: fx.GraphModule, name: str, bits: int, statistics: Statistics) -> list[Pact]:
    """Let *network* have :class:`~tilefold.calibrate.pact.Pact` where a stored map's ReLU was.

    Parameters
    ----------
    name : str
        Of the map.
    bits : int
        Of its samples.
    statistics : Statistics
        Of the map, for the bound to begin with.

    Returns
    -------
    list of Pact
        The one that was put in, called as the map with ``_pact`` behind; none without a ReLU, or
        where it is a part of another nonlinearity.
    """
    relu = relu_of(network, name)
    if relu is None:
        return []
    channels = statistics.channels
    square = float(np.mean(channels.mean**2 + channels.variance))
    pact = Pact(first_bound(square, float(channels.high.max()), bits), bits)
    network.add_submodule(f"{name}_pact", pact)
    with network.graph.inserting_after(relu):
        node = network.graph.call_module(f"{name}_pact", (relu.all_input_nodes[0],))
    relu.replace_all_uses_with(node)
    propagate(network)
    network.delete_all_unused_submodules()
    return [pact]


def relu_of(network: fx.GraphModule, name: str) -> fx.Node | None:
    """Find the ReLU of a stored map, unless it is a part of another nonlinearity."""
    (site,) = (each for each in choose(find(network), name) if each.name == name)
    nodes = {called: node for node, called in names(network).items()}
    steps = [nodes[step] for step in site.steps]
    relus = [step for step in steps if operation(network, step) in _RELUS]
    joined = any(kind(network, step) is Kind.JOIN for step in steps)
    return None if joined or not relus else relus[0]
