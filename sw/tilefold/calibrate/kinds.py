"""Kinds of steps: what a layer-by-layer accelerator does with each operation of a graph."""

import operator
from enum import Enum, auto
from math import prod
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from .pact import Pact
from .projection import Compress, Expand
from .trace import module, shape


class Kind(Enum):
    """What becomes of a step."""

    #: Computes a map with weights: a convolution or a linear layer.
    WEIGH = auto()
    #: Maps every value by itself, with the same function in all channels.
    ACTIVATE = auto()
    #: Maps every value by itself, with a function for each channel.
    SCALE = auto()
    #: Pools windows of pixels to a map that still has several.
    POOL = auto()
    #: Works on whole maps in a pass of its own, such as a mean over all pixels.
    PASS = auto()
    #: Computes each value from those at the same place of several maps.
    JOIN = auto()
    #: Puts maps side by side.
    CONCATENATE = auto()
    #: Reads the same values in another order or place, or some of them.
    VIEW = auto()
    #: Anything else.
    UNKNOWN = auto()


_MODULES: tuple[tuple[Kind, tuple[type[nn.Module], ...]], ...] = (
    # A projection is no step of its own: it will be folded into its neighbours.
    (Kind.SCALE, (Compress,)),
    (Kind.VIEW, (Expand, nn.Flatten, nn.Unflatten, nn.PixelShuffle, nn.PixelUnshuffle)),
    (Kind.VIEW, (nn.ChannelShuffle, nn.ZeroPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d)),
    (Kind.WEIGH, (nn.Conv1d, nn.Conv2d, nn.Linear, nn.ConvTranspose1d, nn.ConvTranspose2d)),
    (Kind.SCALE, (nn.BatchNorm1d, nn.BatchNorm2d, nn.PReLU)),
    (Kind.ACTIVATE, (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU)),
    (Kind.ACTIVATE, (nn.SiLU, nn.Mish, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Sigmoid)),
    (Kind.ACTIVATE, (Pact, nn.Tanh, nn.Softplus, nn.Identity, nn.Dropout, nn.Dropout2d)),
    (Kind.POOL, (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)),
    (Kind.PASS, (nn.AdaptiveMaxPool2d, nn.Upsample, nn.LayerNorm, nn.GroupNorm)),
    (Kind.PASS, (nn.InstanceNorm2d, nn.Softmax, nn.LogSoftmax)),
)

_FUNCTIONS: dict[Any, Kind] = {
    function: kind
    for kind, functions in (
        (Kind.WEIGH, (functional.conv2d, functional.linear, functional.conv_transpose2d)),
        (Kind.SCALE, (functional.batch_norm,)),
        (
            Kind.ACTIVATE,
            (functional.prelu, torch.relu, torch.sigmoid, torch.tanh, torch.clamp, torch.neg),
        ),
        (Kind.ACTIVATE, (functional.relu, functional.relu6, functional.leaky_relu)),
        (Kind.ACTIVATE, (functional.elu, functional.gelu, functional.silu, functional.mish)),
        (Kind.ACTIVATE, (functional.hardswish, functional.hardsigmoid, functional.hardtanh)),
        (Kind.ACTIVATE, (functional.sigmoid, functional.tanh, functional.softplus)),
        (Kind.ACTIVATE, (functional.dropout, functional.dropout2d, operator.neg)),
        (Kind.POOL, (functional.max_pool2d, torch.max_pool2d, functional.avg_pool2d)),
        (Kind.POOL, (functional.adaptive_avg_pool2d,)),
        (Kind.PASS, (functional.adaptive_max_pool2d, functional.interpolate)),
        (Kind.PASS, (functional.layer_norm, functional.group_norm, functional.instance_norm)),
        (Kind.PASS, (torch.mean, functional.softmax, functional.log_softmax)),
        (Kind.JOIN, (torch.add, torch.sub, torch.mul, torch.div, torch.minimum, torch.maximum)),
        (Kind.JOIN, (operator.add, operator.sub, operator.mul, operator.truediv)),
        (Kind.CONCATENATE, (torch.cat, torch.concat)),
        (Kind.VIEW, (torch.flatten, torch.reshape, torch.permute, torch.transpose, torch.squeeze)),
        (Kind.VIEW, (torch.unsqueeze, torch.chunk, torch.split, functional.pad)),
        (Kind.VIEW, (operator.getitem, torch.channel_shuffle, functional.pixel_shuffle)),
    )
    for function in functions
}

_METHODS = {
    method: kind
    for kind, methods in (
        (Kind.ACTIVATE, "relu sigmoid tanh clamp neg clone detach"),
        (Kind.PASS, "mean softmax log_softmax"),
        (Kind.JOIN, "add sub mul div minimum maximum"),
        (Kind.VIEW, "view reshape flatten permute transpose squeeze unsqueeze contiguous chunk"),
        (Kind.VIEW, "split expand t"),
    )
    for method in methods.split()
}


def kind(network: fx.GraphModule, node: fx.Node) -> Kind:
    """Kind of the step that *node* is."""
    layer = module(network, node)
    if layer is not None:
        found = _kind_of_layer(layer)
    elif node.op == "call_method":
        found = _METHODS.get(str(node.target), Kind.UNKNOWN)
    else:
        found = _FUNCTIONS.get(node.target, Kind.UNKNOWN)
    if found in (Kind.ACTIVATE, Kind.JOIN):
        return _kind_by_operands(node.all_input_nodes)
    if found is Kind.POOL and prod(shape(node)[1:]) == 1:
        return Kind.PASS
    return found


def _kind_of_layer(layer: nn.Module) -> Kind:
    # Without statistics of its own, a batch norm needs the whole map before it can begin.
    if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and layer.running_mean is None:
        return Kind.PASS
    if isinstance(layer, nn.PReLU) and layer.num_parameters == 1:
        return Kind.ACTIVATE
    return next((kind for kind, types in _MODULES if isinstance(layer, types)), Kind.UNKNOWN)


def _kind_by_operands(operands: list[fx.Node]) -> Kind:
    """Kind of what maps values by themselves: a sum with a number joins nothing, a clamp may."""
    weights = [each for each in operands if each.op == "get_attr"]
    if len(operands) > len(weights) + 1:
        return Kind.JOIN
    alike = all(prod(each.meta["tensor_meta"].shape) == 1 for each in weights)
    return Kind.ACTIVATE if alike else Kind.SCALE
