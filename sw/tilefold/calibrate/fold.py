"""Folding: projections and batch norms disappear into the convolutions beside them.

Source: Rossigneux et al. 2023 (ProChan), equations 3 and 4. Both hold whatever the kernel, the
stride and the padding::

    W_C[k, c, y, x] = Σ_m K_C[k, m] W[m, c, y, x]        b_C = K_C b + c       (3)
    W_D[o, k, y, x] = Σ_m W[o, m, y, x] K_D[m, k]                              (4)

where *c* is the bias of K_C. A bias *d* of K_D adds ``Σ_m W[o, m, y, x] d[m]`` to the bias of the
convolution behind, which holds only where no border of zeros is read.
"""

import copy

import torch
from torch import Tensor, fx, nn

from .batch_norm import fold_batch_norms, refill
from .neighbours import reader
from .pact import unrounded
from .project import require_no_border
from .projection import Compress, Expand
from .trace import (
    called_once,
    input_of,
    module,
    names,
    operation,
    propagate,
    readers,
    require_equal,
)


def fold(network: fx.GraphModule) -> fx.GraphModule:
    """Fold all batch norms, and all projections whose neighbours take them.

    Those of :func:`~tilefold.calibrate.project.project` fold, both of them. Of those on one side of
    a nonlinearity, what doesn't is left alone; :func:`unfolded` lists it.

    Returns
    -------
    GraphModule
        A copy with smaller convolutions that computes the same, within 1e-5 of the largest output:
        that is checked on random inputs, before :class:`~tilefold.calibrate.pact.Pact` rounds: a
        value near half a step may then go the other way. *network* is not changed.
    """
    network = copy.deepcopy(network).eval()
    folded = fold_batch_norms(network)
    for node in list(folded.graph.nodes):
        if not _is_projection(folded, node) or _obstacle(folded, node) is not None:
            continue
        layer = module(folded, node)
        if isinstance(layer, Compress):
            _fold_back(folded, node, layer)
        else:
            _fold_forward(folded, node, layer)
        node.replace_all_uses_with(node.all_input_nodes[0])
        folded.graph.erase_node(node)
    folded.delete_all_unused_submodules()
    propagate(folded)
    example = _noise(network)
    with torch.no_grad(), unrounded(folded, network):
        require_equal(
            folded(example),
            network(example),
            "folding has to round less, so let no channel be far larger than all others",
        )
    return folded


def unfolded(folded: fx.GraphModule) -> dict[str, str]:
    """Tell of every projection that :func:`fold` left, by name, why it did."""
    called = names(folded)
    return {
        called[node]: _obstacle(folded, node) or "it can be folded, and was not yet"
        for node in folded.graph.nodes
        if _is_projection(folded, node)
    }


def _is_projection(network: fx.GraphModule, node: fx.Node) -> bool:
    return isinstance(module(network, node), Compress | Expand)


def _obstacle(network: fx.GraphModule, node: fx.Node) -> str | None:
    """Why the projection that *node* is can't be folded, if it can't."""
    layer, before = module(network, node), node.all_input_nodes[0]
    if isinstance(layer, Compress):
        conv, called = module(network, before), names(network)[before]
        if not isinstance(conv, nn.Conv2d) or isinstance(conv, Expand):
            return f"{called} ({operation(network, before)}) is in front of it, and no Conv2d layer"
        if conv.groups != 1:
            return f"{called} must read all channels, not each of {conv.groups} groups its own"
        if readers(before) != [node] or not called_once(network, before):
            return f"{called} must be read here alone, and be called once"
        return None
    try:
        behind = reader(network, node)
        if layer.bias is not None:
            require_no_border(network, node, behind)
    except ValueError as reason:
        return str(reason)
    return None


def _fold_back(network: fx.GraphModule, node: fx.Node, compress: Compress) -> None:
    """Fold K_C into the convolution in front of it: equation 3."""
    conv = module(network, node.all_input_nodes[0])
    matrix = compress.weight[:, :, 0, 0].double()
    weight = torch.einsum("km,mcyx->kcyx", matrix, conv.weight.double())
    bias = compress.bias
    if conv.bias is not None:
        folded = matrix @ conv.bias.double()
        bias = folded if bias is None else folded + bias.double()
    refill(conv, weight, bias)
    conv.out_channels = len(weight)


def _fold_forward(network: fx.GraphModule, node: fx.Node, expand: Expand) -> None:
    """Fold K_D into the layer behind it: equation 4."""
    behind = reader(network, node)
    _flatten_freely(network, node, behind)
    layer = module(network, behind)
    matrix = expand.weight[:, :, 0, 0].double()
    # Of a linear layer behind a flattened map, the inputs of one channel are neighbours.
    weight = layer.weight.double()
    if isinstance(layer, nn.Linear):
        weight = weight.unflatten(1, (len(matrix), -1))
    bias = layer.bias
    if expand.bias is not None:
        axes = tuple(range(2, weight.ndim))
        offset = weight.sum(axes) @ expand.bias.double()
        bias = offset if bias is None else bias.double() + offset
    weight = torch.einsum("om...,mk->ok...", weight, matrix)
    if isinstance(layer, nn.Linear):
        layer.in_features = weight[0].numel()
        weight = weight.flatten(1)
    else:
        layer.in_channels = matrix.shape[1]
    refill(layer, weight, bias)


def _flatten_freely(network: fx.GraphModule, expand: fx.Node, reader: fx.Node) -> None:
    """Let no view between *expand* and *reader* name a number of values: it changes."""
    node = reader.all_input_nodes[0]
    while node is not expand:
        source = node.all_input_nodes[0]
        if operation(network, node) in ("view", "reshape"):
            node.op, node.target = "call_function", torch.flatten
            node.args, node.kwargs = (source, 1), {}
        node = source


def _noise(network: fx.GraphModule) -> Tensor:
    """Input of the network's shape, the same each time."""
    meta = input_of(network).meta["tensor_meta"]
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, *meta.shape[1:], generator=generator, dtype=meta.dtype)
