"""Neighbours: the two convolutions around a stored map that a projection can be folded into."""

from dataclasses import dataclass
from math import prod

from torch import fx, nn

from .kinds import Kind, kind
from .projection import Compress
from .sites import find
from .trace import called_once, module, names, operation, readers, shape

# They keep values in order, channel by channel.
_FLATTENING = {"Flatten", "flatten", "view", "reshape", "squeeze"}
_AVERAGES = {"AdaptiveAvgPool2d", "AvgPool2d", "adaptive_avg_pool2d", "avg_pool2d"}
_NOTHING = {"Identity", "Dropout", "Dropout2d", "dropout", "dropout2d"}


class _InTheWay(ValueError):
    """What is in the way of a projection."""


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """What stands around a stored map."""

    #: The convolution that makes the map.
    maker: fx.Node
    #: The last linear step of it: the convolution, or the batch norm behind it. Behind this one, in
    #: front of the nonlinearity, the map is compressed.
    linear: fx.Node
    #: The step whose result is stored.
    stored: fx.Node
    #: The convolution or linear layer that reads the map.
    reader: fx.Node


def neighbours(network: fx.GraphModule, name: str) -> Neighbours:
    """Find the neighbours of the stored map called *name*.

    Raises
    ------
    ValueError
        If a projection can't be folded into them. The message names the node in the way.
    """
    maps = {each.name: each for each in find(network)}
    if name not in maps:
        raise ValueError(f"site must be one of {', '.join(maps)}, not {name!r}")
    if maps[name].obstacle is not None:
        raise ValueError(f"{name} can't be projected: it is {maps[name].obstacle}")
    nodes = {called: node for node, called in names(network).items()}
    steps = [nodes[step] for step in maps[name].steps]
    try:
        linear = _linear(network, steps)
        return Neighbours(steps[0], linear, steps[-1], reader(network, steps[-1]))
    except _InTheWay as reason:
        raise ValueError(f"{name} can't be projected: {reason}") from None


def obstacle(network: fx.GraphModule, name: str) -> str | None:
    """Why no projection of the stored map called *name* can be folded, if none can."""
    try:
        neighbours(network, name)
    except ValueError as error:
        return str(error)
    return None


def reader(network: fx.GraphModule, node: fx.Node) -> fx.Node:
    """Find the one convolution or linear layer that reads *node*, past averages and flattening.

    Raises
    ------
    ValueError
        If there is none; the message says what there is.
    """
    called = names(network)
    while True:
        users = readers(node)
        if len(users) != 1:
            several = " and ".join(called[user] for user in users)
            raise _InTheWay(f"{called[node]} is read by {several}, and must be by one alone")
        node, user = users[0], node
        if node.op == "output":
            raise _InTheWay("it is the network's result, which no convolution reads")
        layer, does = module(network, node), operation(network, node)
        if isinstance(layer, nn.Conv2d):
            _require_foldable(network, node)
            return node
        if isinstance(layer, nn.Linear) and len(shape(user)) == 1:
            _require_foldable(network, node)
            return node
        flat = does in _FLATTENING and shape(node) == (prod(shape(user)),)
        if not (flat or does in _NOTHING or _averages(network, node)):
            raise _InTheWay(f"{called[node]} ({does}) reads it, and no Conv2d layer")


def _linear(network: fx.GraphModule, steps: list[fx.Node]) -> fx.Node:
    """Find the last linear one of the steps that make a map, the convolution being the first."""
    called = names(network)
    if not isinstance(module(network, steps[0]), nn.Conv2d):
        does = operation(network, steps[0])
        raise _InTheWay(f"{called[steps[0]]} ({does}) makes it, and no Conv2d layer")
    _require_foldable(network, steps[0])
    linear, steps_of = steps[0], set(steps)
    for step in steps[1:]:
        layer, does = module(network, step), operation(network, step)
        if isinstance(layer, Compress):
            raise _InTheWay(f"it is projected already, by {called[step]}")
        if isinstance(layer, nn.BatchNorm2d) and step.all_input_nodes == [linear]:
            linear = step
        elif kind(network, step) is Kind.JOIN and not steps_of.issuperset(step.all_input_nodes):
            raise _InTheWay(f"{called[step]} ({does}) joins it with another map")
        elif kind(network, step) not in (Kind.ACTIVATE, Kind.POOL, Kind.JOIN):
            raise _InTheWay(f"{called[step]} ({does}) treats its channels differently")
    return linear


def _require_foldable(network: fx.GraphModule, node: fx.Node) -> None:
    """Raise unless a projection can be folded into the layer that *node* calls."""
    layer, name = module(network, node), names(network)[node]
    groups = getattr(layer, "groups", 1)
    if groups != 1:
        raise _InTheWay(f"{name} must read all channels, not each of {groups} groups its own")
    if not called_once(network, node):
        raise _InTheWay(f"{name} must be called once, not again with other maps")


def _averages(network: fx.GraphModule, node: fx.Node) -> bool:
    """Whether *node* takes averages of pixels, each channel by itself."""
    if operation(network, node) == "mean":
        dims = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else ())
        dims = dims if isinstance(dims, tuple | list) else (dims,)
        return sorted(dim % 4 for dim in dims) == [2, 3]
    return operation(network, node) in _AVERAGES
