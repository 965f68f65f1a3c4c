"""Project a stored map: with a 1 × 1 convolution on either side of it, still to be folded."""

import copy

from torch import Tensor, fx, nn

from .neighbours import neighbours
from .projection import Compress, Expand
from .trace import module, names, operation, propagate, shape


def project(
    network: fx.GraphModule,
    name: str,
    compress: Tensor,
    expand: Tensor,
    *,
    compress_bias: Tensor | None = None,
    expand_bias: Tensor | None = None,
) -> fx.GraphModule:
    """Put a :class:`Compress` and an :class:`Expand` around the stored map called *name*.

    The first stands in front of the map's nonlinearity, behind the batch norm if there is one, the
    second in front of the convolution that reads the map. Both can be trained, and then
    :func:`~tilefold.calibrate.fold.fold` folds them. Their names in the network are that of the
    map with ``_compress`` and ``_expand`` behind.

    Parameters
    ----------
    compress : float32[K, M]
        K_C.
    expand : float32[M, K]
        K_D.
    compress_bias, expand_bias : float32[K], float32[M], optional

    Returns
    -------
    GraphModule
        A copy; *network* is not changed.

    Raises
    ------
    ValueError
        If the projections could not be folded, see
        :func:`~tilefold.calibrate.neighbours.neighbours`, or are of another shape.

    Source
    ------
    Rossigneux et al. 2023 (ProChan).
    """
    network = copy.deepcopy(network)
    around = neighbours(network, name)
    channels = shape(around.linear)[0]
    require_shapes(name, compress, expand, channels)
    if expand_bias is not None:
        require_no_border(network, around.stored, around.reader)
    compressed = insert(
        network, around.linear, f"{name}_compress", Compress(compress, compress_bias)
    )
    # A linear map is stored as it is compressed.
    stored = compressed if around.stored is around.linear else around.stored
    insert(network, stored, f"{name}_expand", Expand(expand, expand_bias))
    propagate(network)
    return network


def require_shapes(name: str, compress: Tensor, expand: Tensor, channels: int) -> None:
    """Raise unless the weights of a projection fit a map of so many channels, and each other."""
    kept = compress.shape[0]
    for weight, called, expected in (
        (compress, "compress", (kept, channels)),
        (expand, "expand", (channels, kept)),
    ):
        if tuple(weight.shape) != expected:
            raise ValueError(
                f"{called} of {name} must have shape {list(expected)}, not {list(weight.shape)}"
            )


def require_no_border(network: fx.GraphModule, stored: fx.Node, reader: fx.Node) -> None:
    """Raise if a layer between *stored* and *reader*, or *reader* itself, pads with zeros.

    Behind a 1 × 1 convolution with a bias, a border of zeros is not what it is in front of one.
    """
    node = reader
    while node is not stored:
        layer = module(network, node)
        inside = getattr(layer, "padding", 0) in (0, (0, 0), "valid")
        zeros = getattr(layer, "padding_mode", "zeros") == "zeros"
        if (zeros and not inside) or operation(network, node) == "avg_pool2d":
            raise ValueError(
                f"expand must have no bias in front of {names(network)[node]}, which may pad with "
                "zeros: the border would get the bias, too. Train it without one"
            )
        node = node.all_input_nodes[0]


def insert(network: fx.GraphModule, behind: fx.Node, name: str, layer: nn.Module) -> fx.Node:
    """Let all that read *behind* read *layer* behind it, and return its node."""
    network.add_submodule(name, layer)
    with network.graph.inserting_after(behind):
        node = network.graph.call_module(name, (behind,))
    behind.replace_all_uses_with(node, lambda user: user is not node)
    return node
