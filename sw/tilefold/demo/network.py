"""The demo's network: a small CNN that reads digits, in NumPy alone.

::

    image ─► conv1 ─────► conv2 ─────► conv3 ─────► conv4 ─────► average ─► linear ─► logits
             3x3, ReLU    3x3/2, ReLU  1x1          3x3/2, ReLU
    1x32x32  16x32x32     32x16x16     32x16x16     32x8x8       32         10

The map behind every convolution is *stored*: an accelerator would write it to memory and read it
back. :func:`forward` offers each one to a hook that may change it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as parse

from ..maps import Floats, Store

#: What batch norm adds to a variance before it takes the root.
EPSILON = 1e-5

#: Digits that the network tells apart.
CLASSES = 10


@dataclass(frozen=True, slots=True)
class Stage:
    """Shape of a convolution and of the batch norm behind it, as trained."""

    name: str
    inputs: int
    outputs: int
    kernel: int
    stride: int
    #: Ends in a ReLU. One that does not is a linear bottleneck, and its batch norm has no shift.
    relu: bool

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of its tensors in a file of weights."""
        norms = (
            ("scale", "shift", "mean", "variance") if self.relu else ("scale", "mean", "variance")
        )
        return {
            f"{self.name}.weight": (self.outputs, self.inputs, self.kernel, self.kernel),
            **{f"{self.name}.{norm}": (self.outputs,) for norm in norms},
        }


STAGES = (
    Stage("conv1", inputs=1, outputs=16, kernel=3, stride=1, relu=True),
    Stage("conv2", inputs=16, outputs=32, kernel=3, stride=2, relu=True),
    # A linear bottleneck, as in MobileNetV2. Without a shift its map has zero mean, so that a
    # principal component analysis of its channels subtracts nothing, and the projection folds into
    # conv3 and the expansion into conv4 as matrices alone. A mean to restore would be a bias in
    # front of conv4, and wrong wherever conv4 pads with zeros.
    Stage("conv3", inputs=32, outputs=32, kernel=1, stride=1, relu=False),
    Stage("conv4", inputs=32, outputs=32, kernel=3, stride=2, relu=True),
)

#: Names and shapes of all tensors in a file of weights.
SHAPES: dict[str, tuple[int, ...]] = {
    **{name: shape for stage in STAGES for name, shape in stage.shapes.items()},
    "linear.weight": (CLASSES, STAGES[-1].outputs),
    "linear.bias": (CLASSES,),
}


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """A convolution with its batch norm folded in, padded with zeros by half its kernel."""

    name: str
    #: float32[out, in, k, k], k odd.
    weight: Floats
    #: float32[out].
    bias: Floats
    stride: int
    #: Negative outputs become zero.
    relu: bool

    def __post_init__(self) -> None:
        shape = self.weight.shape
        square = len(shape) == 4 and shape[2] == shape[3] and shape[2] % 2 == 1
        if not square or self.weight.dtype != np.float32:
            raise ValueError(
                f"{self.name}.weight must be float32[out, in, k, k] with k odd, "
                f"not {describe(self.weight)}"
            )
        if self.bias.shape != shape[:1] or self.bias.dtype != np.float32:
            raise ValueError(
                f"{self.name}.bias must be float32[{shape[0]}], not {describe(self.bias)}"
            )
        if self.stride < 1:
            raise ValueError(f"{self.name}.stride must be at least 1, not {self.stride}")


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """The last layer: logits from the averages of the last map's channels."""

    #: float32[classes, channels].
    weight: Floats
    #: float32[classes].
    bias: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Convolutions in order, a global average, and a linear layer."""

    convolutions: tuple[Convolution, ...]
    linear: Linear


def load(path: str | os.PathLike[str] | None = None) -> Network:
    """Load a network from a file of weights, by default the trained one that is shipped.

    Parameters
    ----------
    path : path, optional
        A safetensors file with the tensors of :data:`SHAPES`, all float32.

    Raises
    ------
    ValueError
        If the file is not one of safetensors, or its tensors are not those of the network; the
        message names the file.
    """
    source = resources.files(__package__) / "digits.safetensors" if path is None else Path(path)
    try:
        tensors = parse(source.read_bytes())
    except (SafetensorError, KeyError) as error:  # KeyError: a type that NumPy lacks
        raise ValueError(f"{source}: weights must be a whole safetensors file: {error}") from None
    try:
        return fold(tensors)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None


def fold(tensors: Mapping[str, NDArray[np.generic]]) -> Network:
    """Build a network from its trained tensors, with the batch norms folded in.

    Parameters
    ----------
    tensors : mapping of str to float32[...]
        The tensors of :data:`SHAPES`.

    Raises
    ------
    ValueError
        If a tensor is missing, unknown, of another type or shape, not finite, or a negative
        variance.
    """
    checked = check(tensors)
    convolutions = []
    for stage in STAGES:
        weight, bias = fold_batch_norm(
            weight=checked[f"{stage.name}.weight"],
            scale=checked[f"{stage.name}.scale"],
            shift=checked.get(f"{stage.name}.shift", np.zeros(stage.outputs, dtype=np.float32)),
            mean=checked[f"{stage.name}.mean"],
            variance=checked[f"{stage.name}.variance"],
        )
        convolutions.append(Convolution(stage.name, weight, bias, stage.stride, stage.relu))
    linear = Linear(checked["linear.weight"], checked["linear.bias"])
    return Network(tuple(convolutions), linear)


def check(tensors: Mapping[str, NDArray[np.generic]]) -> dict[str, Floats]:
    """Check that *tensors* are those of :data:`SHAPES`, and return them as what they then are."""
    for name in sorted(tensors.keys() - SHAPES.keys()):
        raise ValueError(f"weights must be those of this network, not {name}")
    checked = {}
    for name, shape in SHAPES.items():
        if name not in tensors:
            raise ValueError(f"{name} must be among the weights, not missing")
        tensor = tensors[name]
        if tensor.shape != shape or tensor.dtype != np.float32:
            raise ValueError(f"{name} must be float32{list(shape)}, not {describe(tensor)}")
        checked[name] = values = tensor.astype(np.float32)
        if not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite, not {values[~np.isfinite(values)][0]}")
        if name.endswith(".variance") and values.min() < 0:
            raise ValueError(f"{name} must be at least 0, not {values.min()}")
    return checked


def fold_batch_norm(
    weight: Floats, scale: Floats, shift: Floats, mean: Floats, variance: Floats
) -> tuple[Floats, Floats]:
    """Fold a batch norm into the convolution without bias in front of it.

    Parameters
    ----------
    weight : float32[out, in, k, k]
        Weights of the convolution.
    scale, shift, mean, variance : float32[out]
        Batch norm: ``scale * (x - mean) / sqrt(variance + EPSILON) + shift``.

    Returns
    -------
    tuple of float32[out, in, k, k] and float32[out]
        Weights and bias of the one convolution that does both.
    """
    gain = scale / np.sqrt(variance.astype(np.float64) + EPSILON)
    folded = weight * gain[:, np.newaxis, np.newaxis, np.newaxis]
    return folded.astype(np.float32), (shift - gain * mean).astype(np.float32)


def convolve(x: Floats, conv: Convolution) -> Floats:
    """Convolve a batch of maps, add the bias, and apply the ReLU if there is one.

    A map's result depends on that map alone, not on the others in the batch.

    Parameters
    ----------
    x : float32[n, in, h, w]
        The maps.
    conv : Convolution
        The convolution.

    Returns
    -------
    float32[n, out, ⌈h / stride⌉, ⌈w / stride⌉]
        The convolved maps.
    """
    outputs, inputs, kernel, _ = conv.weight.shape
    if x.ndim != 4 or x.shape[1] != inputs:
        raise ValueError(f"{conv.name} must be given [n, {inputs}, h, w], not {list(x.shape)}")

    border = (kernel // 2, kernel // 2)
    padded = np.pad(x, ((0, 0), (0, 0), border, border))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(2, 3))
    windows = windows[:, :, :: conv.stride, :: conv.stride]
    n, _, height, width, _, _ = windows.shape
    columns = windows.transpose(0, 1, 4, 5, 2, 3).reshape(n, -1, height * width)

    y = conv.weight.reshape(outputs, -1) @ columns
    y += conv.bias[:, np.newaxis]
    if conv.relu:
        np.maximum(y, 0, out=y)
    return y.reshape(n, outputs, height, width)


def forward(network: Network, images: Floats, store: Store | None = None) -> Floats:
    """Run the network on a batch of images.

    Parameters
    ----------
    network : Network
        The network.
    images : float32[n, 1, h, w]
        The images.
    store : callable, optional
        Called behind every convolution with its name and its map, float32[n, c, h, w]; the network
        goes on with the map that it returns, which must have the same shape.

    Returns
    -------
    float32[n, classes]
        Logits.
    """
    x = images
    for conv in network.convolutions:
        x = convolve(x, conv)
        if store is not None:
            stored = store(conv.name, x)
            if stored.shape != x.shape:
                raise ValueError(
                    f"stored map of {conv.name} must be {list(x.shape)}, not {list(stored.shape)}"
                )
            x = stored.astype(np.float32, copy=False)
    averages = x.mean(axis=(2, 3))
    logits: Floats = averages @ network.linear.weight.T + network.linear.bias
    return logits


def accuracy(logits: Floats, labels: NDArray[np.int64]) -> float:
    """Share of images whose largest logit is their label's.

    Parameters
    ----------
    logits : float32[n, classes]
        Logits.
    labels : int64[n]
        True classes.
    """
    if labels.shape != logits.shape[:1]:
        raise ValueError(f"labels must be int64[{len(logits)}], not {describe(labels)}")
    return float(np.mean(logits.argmax(axis=1) == labels))


def describe(array: NDArray[np.generic]) -> str:
    """Type and shape of an array, as error messages tell them: ``float32[16, 1, 3, 3]``."""
    return f"{array.dtype}{list(array.shape)}"
