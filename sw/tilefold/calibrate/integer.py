"""Projections in integers: a trained 1 × 1 convolution as the hardware's projector computes it."""

import numpy as np
from numpy.typing import NDArray
from torch import nn

from tilefold_hw.config import SCALE, SCALE_SHIFT_MAX, WEIGHT
from tilefold_hw.layer import Clip, Projection, bias_format

from .sample import Quantiser

Floats = NDArray[np.float64]


def to_integers(
    layer: nn.Conv2d, i: Quantiser, o: Quantiser, clip: Clip | None = None
) -> Projection:
    """Quantise a 1 × 1 convolution.

    With ``x = s_i (q_i - z_i)`` and ``y = s_o (q_o - z_o)``, and a step ``s_w`` of its own for the
    weights of each output, ``y = W x + b`` is

        q_o = (Σ round(W / s_w) q_i + round((b + s_o z_o) / (s_w s_i)) - z_i Σ round(W / s_w))
              · s_w s_i / s_o

    The bias takes in both zeros; multiplier and shift are the last factor. How far it is off:
    :func:`error`.

    Parameters
    ----------
    layer : Conv2d
        Weights float32[K, M, 1, 1], and perhaps biases.
    i, o : Quantiser
        Samples in front of it and behind it.
    clip : Clip, optional
        What the outputs are clamped to; left out, the format of *o*. To apply a ReLU as well, it is
        ``Clip(o.zero)``.

    Raises
    ------
    ValueError
        If the layer is no plain 1 × 1 convolution, or its outputs are out of all proportion to *o*.
    """
    weights, bias = _weights(layer)
    steps = _steps(weights, bias, i, o)
    rounded = np.rint(weights / steps[:, np.newaxis])
    offset = np.rint((bias + o.scale * o.zero) / (steps * i.scale)) - i.zero * rounded.sum(axis=1)
    pairs = [_multiplier(factor) for factor in steps * i.scale / o.scale]
    return Projection(
        weights=tuple(tuple(map(int, row)) for row in rounded),
        biases=tuple(map(int, offset)),
        scales=tuple(scale for scale, _ in pairs),
        shifts=tuple(shift for _, shift in pairs),
        clip=Clip() if clip is None else clip,
    )


def error(layer: nn.Conv2d, i: Quantiser, o: Quantiser) -> Floats:
    """Bound of how far each output sample is off the layer's own result, in steps of *o*.

    Before the result is clamped, and for any input samples: half a step for the rounding, half a
    weight's step for each input at its largest, half a bias's, and the multiplier's.
    (``test_integer.py::test_error_is_within_its_bound``.)

    Returns
    -------
    float64[K]
    """
    weights, bias = _weights(layer)
    steps = _steps(weights, bias, i, o)
    factors = steps * i.scale / o.scale
    largest = max(i.q.max - i.zero, i.zero - i.q.min)
    rounding = factors * (largest * weights.shape[1] + 1) / 2
    exact = np.array([scale / 2**shift for scale, shift in map(_multiplier, factors)])
    sums = (np.abs(weights).sum(axis=1) * i.scale * largest + np.abs(bias)) / o.scale
    whole = sums + abs(o.zero) + rounding
    result: Floats = 0.5 + rounding + np.abs(exact / factors - 1) * whole
    return result


def _weights(layer: nn.Conv2d) -> tuple[Floats, Floats]:
    """Weights and biases of a layer: float64[K, M] and float64[K]."""
    if tuple(layer.weight.shape[2:]) != (1, 1) or layer.groups != 1 or layer.stride != (1, 1):
        kernel = " × ".join(map(str, layer.kernel_size))
        raise ValueError(
            f"layer must be a 1 × 1 convolution of all channels and pixels, not {kernel} with "
            f"stride {layer.stride} and {layer.groups} groups"
        )
    weights = layer.weight.detach().double().numpy()[:, :, 0, 0]
    bias = np.zeros(len(weights)) if layer.bias is None else layer.bias.detach().double().numpy()
    return weights, bias


def _steps(weights: Floats, bias: Floats, i: Quantiser, o: Quantiser) -> Floats:
    """Step of each output's weights: the finest with which they, and the bias, have room."""
    count = weights.shape[1]
    finest = np.abs(weights).max(axis=1) / WEIGHT.max
    # Half a step is what each rounding may add, that of a weight as often as the zero is large.
    room = bias_format(i.q, count).max - (abs(i.zero) * count + 1) / 2
    whole = np.abs(bias + o.scale * o.zero) / i.scale + np.abs(i.zero * weights.sum(axis=1))
    steps = np.maximum(finest, whole / room)
    # Of weights and a bias of zero, any step is right.
    return np.where(steps > 0, steps, o.scale / i.scale)


def _multiplier(factor: float) -> tuple[int, int]:
    """Find scale and shift: ``scale / 2**shift`` is *factor* within 2⁻¹⁶ of it, if it may be."""
    shift = SCALE_SHIFT_MAX
    while shift > 0 and round(factor * 2**shift) > SCALE.max:
        shift -= 1
    scale = round(factor * 2**shift)
    if not 0 < scale <= SCALE.max:
        raise ValueError(
            f"outputs must be between 2**-{SCALE_SHIFT_MAX} and {SCALE.max} times the sums of the "
            f"weighted samples, not {factor:.3g}: choose a scale that fits them"
        )
    return scale, shift
