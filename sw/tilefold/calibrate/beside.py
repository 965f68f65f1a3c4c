"""Project a stored map on one side of its nonlinearity, whatever makes and reads it.

::

    before    convolution ─► Compress ─► [stored map] ─► Expand ─► nonlinearity ─► readers
    after     convolution ─► nonlinearity ─► Compress ─► [stored map] ─► Expand ─► readers

Before it, Compress folds back into a convolution; Expand can't fold through the nonlinearity, which
whoever reads the map applies, each time anew. A 1 × 1 convolution to more channels gives a map of
no higher rank than it reads, so that a few components hold all of it. After it, Compress can't fold
through the nonlinearity; Expand folds forward where one convolution alone reads the map. A map
without a nonlinearity is the same on both sides, and folds on both.

What doesn't fold stays a layer of 1 × 1, as the hardware's projector computes it.
"""

import copy
from dataclasses import replace
from enum import Enum

from torch import fx

from .kinds import Kind, kind
from .project import insert, require_shapes
from .projection import Compress, Expand, Pair
from .sites import StoredMap, choose, find
from .trace import module, names, operation, propagate


class Side(Enum):
    """Which side of a map's nonlinearity is stored."""

    BEFORE = "before"
    AFTER = "after"


def project_beside(network: fx.GraphModule, name: str, pair: Pair, side: Side) -> fx.GraphModule:
    """Put a :class:`Compress` and an :class:`Expand` on one side of the nonlinearity of a map.

    Between them lies what is stored from then on: the stored map called *name*, of K channels.
    :func:`~tilefold.calibrate.fold.fold` folds what can be folded of the two.

    Parameters
    ----------
    pair : Pair
        From the map's M channels to K, and back.

    Returns
    -------
    GraphModule
        A copy; *network* is not changed. The layers are called as the map with ``_compress`` and
        ``_expand`` behind.

    Raises
    ------
    ValueError
        If the map can't be compressed or is projected already, or if *side* is before and there is
        nothing like that to be stored.
    """
    network = copy.deepcopy(network)
    site = on_side(network, name, side)
    require_shapes(name, pair.compress, pair.expand, site.shape[0])
    (node,) = (node for node, called in names(network).items() if called == site.steps[-1])
    compress = insert(
        network, node, f"{name}_compress", Compress(pair.compress, pair.compress_bias)
    )
    insert(network, compress, f"{name}_expand", Expand(pair.expand, pair.expand_bias))
    propagate(network)
    return network


def pair_of(network: fx.GraphModule, name: str) -> Pair:
    """Weights of the projection of the map called *name*, as :func:`project_beside` put it in."""
    compress, expand = (network.get_submodule(f"{name}_{half}") for half in ("compress", "expand"))
    assert isinstance(compress, Compress)
    assert isinstance(expand, Expand)
    return Pair(
        compress.weight.detach()[:, :, 0, 0],
        expand.weight.detach()[:, :, 0, 0],
        None if compress.bias is None else compress.bias.detach(),
        None if expand.bias is None else expand.bias.detach(),
    )


def on_side(network: fx.GraphModule, name: str, side: Side) -> StoredMap:
    """Find the map called *name* as it is stored on that side of its nonlinearity.

    So its statistics can be gathered there.

    Raises
    ------
    ValueError
        As :func:`project_beside` does.
    """
    (site,) = (each for each in choose(find(network), name) if each.name == name)
    nodes = {called: node for node, called in names(network).items()}
    steps = [nodes[step] for step in site.steps]
    for called, step in zip(site.steps, steps, strict=True):
        if isinstance(module(network, step), Compress):
            raise ValueError(f"{name} can't be projected: it is projected already, by {called}")
    if side is Side.AFTER:
        return site
    kinds = [kind(network, step) for step in steps]
    last = 0
    for place, step in enumerate(steps):
        # What joins the map with itself is a nonlinearity, as in x * sigmoid(x).
        alone = kinds[place] is Kind.JOIN and set(steps).issuperset(step.all_input_nodes)
        if kinds[place] is not Kind.ACTIVATE and not alone:
            last = place
    if kinds[last] is Kind.POOL and Kind.ACTIVATE in kinds[:last]:
        raise ValueError(
            f"{name} can't be projected before its nonlinearity: {site.steps[last]} "
            f"({operation(network, steps[last])}) pools what comes behind it. Project it after that"
        )
    return replace(site, steps=site.steps[: last + 1])
