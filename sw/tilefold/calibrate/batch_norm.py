"""Batch norm, folded into the convolution or linear layer in front of it."""

import copy
from typing import Any

import torch
from torch import Tensor, fx, nn

from .trace import called_once, module, propagate, readers


def fold_batch_norms(network: fx.GraphModule) -> fx.GraphModule:
    """Fold each batch norm that stands behind a convolution or linear layer.

    ``γ (W x + b - μ) / σ + β`` is the convolution with ``W γ / σ`` and ``(b - μ) γ / σ + β``. A
    batch norm elsewhere stays, as does one whose convolution is read or called elsewhere, too.

    Returns
    -------
    GraphModule
        A copy that computes the same; *network* is not changed.
    """
    network = copy.deepcopy(network)
    for node in network.graph.nodes:
        norm, before = module(network, node), node.all_input_nodes[:1]
        if not isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            continue
        layer = module(network, before[0])
        if (
            isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear)
            and norm.running_mean is not None
            and readers(before[0]) == [node]
            and called_once(network, before[0])
        ):
            gain, offset = _affine(norm)
            weight = layer.weight.double()
            bias = 0.0 if layer.bias is None else layer.bias.double()
            refill(
                layer, weight * gain.reshape(-1, *(1,) * (weight.ndim - 1)), bias * gain + offset
            )
            node.replace_all_uses_with(before[0])
            network.graph.erase_node(node)
    network.delete_all_unused_submodules()
    propagate(network)
    return network


def refill(layer: Any, weight: Tensor, bias: Tensor | None) -> None:
    """Give *layer* other weights, which may be of another shape, in the type of the old ones."""
    dtype = layer.weight.dtype
    # In the layout that a file gives back: with another, convolutions round differently.
    weight = weight.detach().to(dtype).clone(memory_format=torch.contiguous_format)
    layer.weight = nn.Parameter(weight)
    layer.bias = None if bias is None else nn.Parameter(bias.detach().to(dtype))
    if isinstance(layer, nn.Conv2d):
        layer.out_channels, layer.in_channels = len(weight), weight.shape[1] * layer.groups
    elif isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = weight.shape


def _affine(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Gain and offset that a batch norm is to each channel: two float64[C]."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    gain = torch.rsqrt(norm.running_var.double() + norm.eps)
    if norm.weight is not None:
        gain = gain * norm.weight.double()
    offset = -norm.running_mean.double() * gain
    if norm.bias is not None:
        offset = offset + norm.bias.double()
    return gain, offset
