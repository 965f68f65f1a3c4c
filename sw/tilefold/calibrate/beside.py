"""Project a stored map on one side of its nonlinearity, whatever makes and reads it.

::

    before    convolution ─► Compress ─► [stored map] ─► Expand ─► nonlinearity ─► readers
    after     convolution ─► nonlinearity ─► Compress ─► [stored map] ─► Expand ─► readers

Before it, Compress folds back into a convolution; Expand can't fold through the nonlinearity, which
whoever reads the map applies, each time anew. A 1 × 1 convolution to more channels gives a map of no
higher rank than it reads, so that a few components hold all of it. After it, Compress can't fold
through the nonlinearity; Expand folds forward where one convolution alone reads the map. A map
without a nonlinearity is the same on both sides, and folds on both.

What doesn't fold stays a layer of 1 × 1, as the hardware's projector computes it.
"""

import copy
from enum import Enum

from torch import fx

from .kinds import Kind, kind
from .project import insert, require_shapes
from .projection import Compress, Expand, Pair
from .sites import choose, find
from .trace import names, operation, propagate, shape


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
    node = side_of(network, name, side)
    require_shapes(name, pair.compress, pair.expand, shape(node)[0])
    compress = insert(
        network, node, f"{name}_compress", Compress(pair.compress, pair.compress_bias)
    )
    insert(network, compress, f"{name}_expand", Expand(pair.expand, pair.expand_bias))
    propagate(network)
    return network


def side_of(network: fx.GraphModule, name: str, side: Side) -> fx.Node:
    """Find the node whose result is stored, if it is on that side of the nonlinearity.

    Raises
    ------
    ValueError
        As :func:`project_beside` does.
    """
    (site,) = (each for each in choose(find(network), name) if each.name == name)
    called = names(network)
    nodes = {each: node for node, each in called.items()}
    steps = [nodes[step] for step in site.steps]
    for step in steps:
        if operation(network, step) == Compress.__name__:
            raise ValueError(
                f"{name} can't be projected: it is projected already, by {called[step]}"
            )
    if side is Side.AFTER:
        return steps[-1]
    last = 0
    for place, step in enumerate(steps):
        does = kind(network, step)
        # What joins the map with itself is a nonlinearity, as in x * sigmoid(x).
        alone = does is Kind.JOIN and set(steps).issuperset(step.all_input_nodes)
        if does is not Kind.ACTIVATE and not alone:
            last = place
    if kind(network, steps[last]) is Kind.POOL and any(
        kind(network, step) is Kind.ACTIVATE for step in steps[:last]
    ):
        raise ValueError(
            f"{name} can't be projected before its nonlinearity: {called[steps[last]]} "
            f"({operation(network, steps[last])}) pools what comes behind it. Project it after that"
        )
    return steps[last]
