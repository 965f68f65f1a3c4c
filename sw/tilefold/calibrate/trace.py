"""Tracing: a PyTorch network as a graph of its layers, with the shape of every map.

Everything behind works on such a graph: a ``torch.fx.GraphModule`` is a network still, to be run,
trained, and changed.
"""

import copy
import linecache
import traceback
from collections import Counter
from pathlib import PurePath
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from .pact import Pact
from .projection import Compress, Expand

TOLERANCE = 1e-5
"""How far the graph's outputs may be from the network's, relative to the largest."""


def trace(network: nn.Module, example: Tensor) -> fx.GraphModule:
    """Trace a network as it is in use.

    Parameters
    ----------
    network : Module
        The trained network; it is not changed. Its ``forward`` takes one tensor; what else it takes
        has defaults, and keeps them.
    example : float32[n, C, H, W]
        Inputs, for the shapes and to compare the graph with the network.

    Returns
    -------
    GraphModule
        A copy in eval mode, of layers of ``torch.nn``, functions and methods, none of which works
        in place. Every node knows the shape of what it computes: :func:`shape`.

    Raises
    ------
    ValueError
        If *network* does not take *example*, or if what it does depends on the data. The message
        names the layer and the line.
    """
    network = copy.deepcopy(network).eval()
    tracer = _Tracer()
    if tracer.is_leaf_module(network, ""):
        network = nn.Sequential(network)
    with torch.no_grad():
        try:
            expected = network(example.clone())  # it may overwrite what it is given
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            raise ValueError(
                f"network must take inputs of shape {list(example.shape)}, not refuse them: {error}"
            ) from error
        if not isinstance(expected, Tensor):
            raise ValueError(f"network must return one tensor, not {type(expected).__name__}")
        try:
            # Called by another module, forward gets its own defaults, not stand-ins for them.
            graph = tracer.trace(nn.Sequential(network))
        except Exception as error:  # the network's own code ran, on stand-ins for its tensors
            raise ValueError(
                "network must do the same whatever its input, not decide by data: "
                f"{_where(network, error)} can't be traced ({error}). Decide it in __init__, or "
                "give the network without that step"
            ) from error
        _drop_prefix(graph, "0.")
        traced = fx.GraphModule(network, graph, type(network).__name__)
        _leave_nothing_in_place(traced)
        propagate(traced, example)
        require_equal(
            traced(example),
            expected,
            "the network has to do the same each time, and to write into no part of a map",
        )
    return traced


class _Tracer(fx.Tracer):
    """Tracer to which the layers of this package are layers, too."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether *m* is taken as a whole."""
        ours = isinstance(m, Pact | Compress | Expand)
        return ours or bool(super().is_leaf_module(m, module_qualified_name))


def propagate(network: fx.GraphModule, example: Tensor | None = None) -> None:
    """Compute the shapes of all nodes anew, as is needed where the graph was changed.

    Parameters
    ----------
    example : float32[n, C, H, W], optional
        Inputs; left out, zeros of the shape that was propagated last.
    """
    network.graph.eliminate_dead_code()
    network.recompile()
    if example is None:
        meta = input_of(network).meta["tensor_meta"]
        example = torch.zeros(meta.shape, dtype=meta.dtype)
    with torch.no_grad():
        ShapeProp(network).propagate(example)


def input_of(network: fx.GraphModule) -> fx.Node:
    """Node of the network's input."""
    first: fx.Node = next(iter(network.graph.nodes))
    return first


def shape(node: fx.Node) -> tuple[int, ...]:
    """Shape of one input's share of the tensor that *node* computes: ``C, H, W`` for a map."""
    return tuple(node.meta["tensor_meta"].shape[1:])


def names(network: fx.GraphModule) -> dict[fx.Node, str]:
    """Names of all nodes, as people know them; each is different.

    A layer has its path in the network, ``layer1.0.conv1``. A function or method has that of the
    module that calls it and its own, ``layer1.0.add``. One used again is told by its number:
    ``layer1.0.relu#2``.
    """
    seen: Counter[str] = Counter()
    named = {}
    for node in network.graph.nodes:
        name = str(node.target)
        if node.op in ("call_function", "call_method"):
            name = ".".join(filter(None, (_scope(node), operation(network, node))))
        seen[name] += 1
        named[node] = name if seen[name] == 1 else f"{name}#{seen[name]}"
    return named


def module(network: fx.GraphModule, node: fx.Node) -> Any:
    """Return the layer, any module, that *node* calls, or ``None`` where it calls none."""
    return network.get_submodule(str(node.target)) if node.op == "call_module" else None


def readers(node: fx.Node) -> list[fx.Node]:
    """Nodes that read the value of *node*, not only its size."""
    return [user for user in node.users if "tensor_meta" in user.meta or user.op == "output"]


def called_once(network: fx.GraphModule, node: fx.Node) -> bool:
    """Whether the layer that *node* calls is called nowhere else."""
    layer = module(network, node)
    return sum(module(network, other) is layer for other in network.graph.nodes) == 1


def operation(network: fx.GraphModule, node: fx.Node) -> str:
    """Name what *node* does: the class of its layer, or its function or method."""
    layer = module(network, node)
    if layer is not None:
        return type(layer).__name__
    return str(getattr(node.target, "__name__", node.target))


def _scope(node: fx.Node) -> str:
    """Path of the module whose ``forward`` called *node*."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    return stack[-1][0] if stack else ""


def _drop_prefix(graph: fx.Graph, prefix: str) -> None:
    """Take *prefix* off all paths in *graph*."""
    for node in graph.nodes:
        if node.op in ("call_module", "get_attr"):
            node.target = node.target.removeprefix(prefix)
        if stack := node.meta.get("nn_module_stack"):
            node.meta["nn_module_stack"] = {
                path: ((path + ".").removeprefix(prefix).removesuffix("."), kind)
                for path, kind in stack.values()
            }


def _where(network: nn.Module, error: Exception) -> str:
    """Name the layer and the line of its code that *error* came from."""
    paths = {id(layer): path for path, layer in network.named_modules()}
    place = type(network).__name__
    for frame, number in traceback.walk_tb(error.__traceback__):
        owner = frame.f_code.co_varnames[:1]  # self, whatever it is called there
        path = paths.get(id(frame.f_locals.get(*owner))) if owner else None
        file = frame.f_code.co_filename
        if path is not None and PurePath(torch.__file__).parent not in PurePath(file).parents:
            line = linecache.getline(file, number).strip()
            called = path or type(network).__name__
            place = f"{called} (line {number} of {PurePath(file).name}: `{line}`)"
    return place


def _leave_nothing_in_place(network: fx.GraphModule) -> None:
    """Make every step that overwrites its input one that leaves it, with the same result."""
    called = names(network)
    order = {node: place for place, node in enumerate(network.graph.nodes)}
    layers: set[Any] = {
        layer for layer in network.modules() if getattr(layer, "inplace", False) is True
    }
    for node in network.graph.nodes:
        if node.kwargs.get("inplace") is True:
            node.kwargs = {**node.kwargs, "inplace": False}
        elif _has_pair(node):
            if not hasattr(Tensor, pair := node.target.removesuffix("_")):
                raise ValueError(
                    f"network must make new maps, not write into one: {called[node]} does. "
                    "Use torch.cat, torch.where or nn.functional.pad there"
                )
            node.target = pair
        elif module(network, node) not in layers:
            continue
        # What was overwritten is read from here on as what it was overwritten with.
        overwritten, start = node.all_input_nodes[0], order[node]
        overwritten.replace_all_uses_with(node, lambda user, start=start: order[user] > start)
    for layer in layers:
        layer.inplace = False


def _has_pair(node: fx.Node) -> bool:
    """Whether *node* calls a method that works in place, such as ``relu_``."""
    target = str(node.target)
    return node.op == "call_method" and target.endswith("_") and not target.endswith("__")


def require_equal(received: Tensor, expected: Tensor, remedy: str) -> None:
    """Raise unless a graph's outputs are the network's, within :data:`TOLERANCE` of the largest."""
    largest = expected.abs().max().item()
    error = (received - expected).abs().max().item()
    if not error <= TOLERANCE * max(largest, 1.0):
        raise ValueError(
            f"graph must compute what the network does, not differ by {error:.3g} where "
            f"outputs go up to {largest:.3g}: {remedy}"
        )
