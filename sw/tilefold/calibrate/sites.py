"""Sites: the maps that an accelerator stores, found in the graph of a network.

An accelerator that works layer by layer computes a map, applies what needs no more than the value
at hand, and writes the result to memory, from where the next layers read it. So a stored map is
made by one step and those that ride on it:

- A convolution or linear layer makes a map. Batch norm and nonlinearity behind it ride on it, and
  so does a pool of small windows. A mean over whole maps does not: it reads what is stored.
- An addition or product rides on the last of its operands that nobody else reads, and reads the
  others. If all of them follow from one map, as in ``x * sigmoid(x)``, it rides on that.
- A concatenation makes no map: its parts are stored, and its readers read all of them. A view,
  such as flattening, padding or taking every second pixel, changes only how a map is read.
- A step that could ride, but whose input is read elsewhere, too, is done while reading.

The network's input isn't among the maps: nothing computes it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from math import prod

from torch import fx

from .kinds import Kind, kind
from .trace import names, operation, readers, shape

OUTPUT = "output"
"""Reader of the maps that are the network's result."""


@dataclass(frozen=True, slots=True)
class StoredMap:
    """A map that is written to memory and read back."""

    #: Name of the layer that makes it.
    name: str
    #: ``C, H, W`` of one input's map; of a vector, its length.
    shape: tuple[int, ...]
    #: Who makes it and who rides on that, in order; the last one's result is what is stored.
    steps: tuple[str, ...]
    #: Names of the maps that are made from it, and :data:`OUTPUT`.
    readers: tuple[str, ...]
    #: Why it can't be compressed, if it can't.
    obstacle: str | None = None

    @property
    def values(self) -> int:
        """Values of the map, padding not counted."""
        return prod(self.shape)


@dataclass(slots=True, eq=False)
class _Map:
    """A stored map while the graph is read."""

    steps: list[fx.Node]
    readers: list[str] = field(default_factory=list)


def find(network: fx.GraphModule) -> tuple[StoredMap, ...]:
    """Find all stored maps, in the order in which the network begins them."""
    called = names(network)
    maps: list[_Map] = []
    # What a node's value is made from: stored maps, or none of them for the network's input.
    sources: dict[fx.Node, tuple[_Map, ...]] = {}
    # Nodes whose value would be written next, if nothing more rides on it.
    ends: dict[fx.Node, _Map] = {}

    for node in network.graph.nodes:
        if node.op == "placeholder":
            sources[node] = ()
            continue
        inputs = [each for each in node.all_input_nodes if each in sources]
        read = tuple(dict.fromkeys(source for each in inputs for source in sources[each]))
        if node.op == "output":
            _read(read, OUTPUT)
            continue
        if "tensor_meta" not in node.meta or not inputs:
            continue  # a size, or made of weights alone

        step = kind(network, node)
        if step is Kind.JOIN and len(inputs) == 1:
            step = Kind.SCALE  # joins a map and weights
        path = _path(network, node, step, inputs, ends)
        if path:
            made = ends[node] = ends.pop(path[0])
            made.steps += path[1:]
            sources[node] = (made,)
            _read((source for source in read if source is not made), called[made.steps[0]])
        elif step in (Kind.ACTIVATE, Kind.SCALE, Kind.VIEW, Kind.CONCATENATE):
            sources[node] = read
        else:
            made = ends[node] = _Map([node])
            maps.append(made)
            sources[node] = (made,)
            _read(read, called[node])

    return tuple(
        StoredMap(
            called[each.steps[0]],
            shape(each.steps[-1]),
            tuple(called[step] for step in each.steps),
            tuple(each.readers),
            _obstacle(network, each.steps),
        )
        for each in maps
    )


def choose(maps: Iterable[StoredMap], *patterns: str) -> tuple[StoredMap, ...]:
    """Choose the maps to compress.

    Parameters
    ----------
    *patterns : str
        Names, or patterns such as ``layer1.*``; none of them for all maps that can be compressed.

    Raises
    ------
    ValueError
        If no map has such a name, or if one that is named in full can't be compressed.
    """
    maps = tuple(maps)
    for pattern in patterns:
        if not any(fnmatchcase(each.name, pattern) for each in maps):
            known = ", ".join(each.name for each in maps if each.obstacle is None)
            raise ValueError(f"site must be one of {known}, not {pattern!r}")
    for each in maps:
        if each.name in patterns and each.obstacle is not None:
            raise ValueError(
                f"site must be one that can be compressed, not {each.name!r}: it is {each.obstacle}"
            )
    wanted = patterns or ("*",)
    return tuple(
        each
        for each in maps
        if each.obstacle is None and any(fnmatchcase(each.name, pattern) for pattern in wanted)
    )


def ceiling(maps: Iterable[StoredMap], k: float) -> dict[str, float]:
    """By how much to compress each map so that none exceeds the largest over *k*.

    Parameters
    ----------
    maps : iterable of StoredMap
        All that are stored.
    k : float
        At least 1.

    Returns
    -------
    dict
        Ratio by name, more than 1, for the maps above the ceiling; the others stay as they are.

    Raises
    ------
    ValueError
        If a map above the ceiling can't be compressed.

    Source
    ------
    Rossigneux et al. 2023 (ProChan): the rule by which its projections are chosen.
    """
    maps = tuple(maps)
    if not k >= 1:
        raise ValueError(f"ceiling must be the largest map over at least 1, not over {k}")
    limit = max((each.values for each in maps), default=0) / k
    above = [each for each in maps if each.values > limit]
    for each in above:
        if each.obstacle is not None:
            raise ValueError(
                f"maps above the ceiling of {limit:.0f} values must be such that can be "
                f"compressed, not {each.name!r}: it is {each.obstacle}"
            )
    return {each.name: each.values / limit for each in above}


def kept_channels(each: StoredMap, ratio: float) -> int:
    """Channels that are left of a map that a projection makes smaller by *ratio*, at least one."""
    return max(1, int(each.shape[0] / ratio))


def _path(
    network: fx.GraphModule,
    node: fx.Node,
    step: Kind,
    inputs: list[fx.Node],
    ends: dict[fx.Node, _Map],
) -> list[fx.Node]:
    """Find the end of the map that *node* can ride on, and the steps from there up to *node*."""
    if step in (Kind.ACTIVATE, Kind.SCALE, Kind.POOL):
        alone = [each for each in inputs if each in ends and readers(each) == [node]]
        return [*alone[-1:], node] if alone else []
    if step is not Kind.JOIN:
        return []
    # A gate for each channel is no map that an addition or product could ride on.
    alone = [
        each
        for each in inputs
        if each in ends and readers(each) == [node] and shape(each) == shape(node)
    ]
    if alone:
        # Who begins last can wait for the others.
        order = list(network.graph.nodes)
        return [max(alone, key=lambda each: order.index(ends[each].steps[0])), node]
    return _diamond(network, node, inputs, ends)


def _diamond(
    network: fx.GraphModule, node: fx.Node, inputs: list[fx.Node], ends: dict[fx.Node, _Map]
) -> list[fx.Node]:
    """Find the steps, if *node* joins one map with what nobody else reads and follows from it.

    Such as ``x * sigmoid(x)``: value by value, the join needs that map alone.
    """
    inside = [node]
    pending = set(inputs)
    for each in reversed(list(network.graph.nodes)):
        if pending == {each}:
            whole = each in ends and set(readers(each)) <= set(inside)
            return [each, *reversed(inside)] if whole else []
        if each in pending:
            if kind(network, each) is not Kind.ACTIVATE or not set(readers(each)) <= set(inside):
                return []
            inside.append(each)
            pending.remove(each)
            pending.update(each.all_input_nodes)
    return []


def _read(sources: Iterable[_Map], reader: str) -> None:
    for source in sources:
        if reader not in source.readers:
            source.readers.append(reader)


def _obstacle(network: fx.GraphModule, steps: list[fx.Node]) -> str | None:
    """Why the map that *steps* make can't be compressed."""
    maker, stored = steps[0], steps[-1]
    size = " × ".join(map(str, shape(stored)))
    if kind(network, maker) is Kind.UNKNOWN:
        return f"made by {operation(network, maker)}, which isn't known here"
    if len(shape(stored)) != 3:
        return f"no map of pixels in channels, but of shape {size}"
    if prod(shape(stored)[1:]) == 1:
        return f"a single pixel of {shape(stored)[0]} channels, with nothing beside it"
    return None
