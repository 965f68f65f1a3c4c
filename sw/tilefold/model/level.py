"""Level shift: unsigned samples centred on zero for the transform, and clipped on the way back.

Source: the level shift of JPEG (ITU-T T.81, A.3.1).
"""

import numpy as np

from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Clip

from .arith import Ints


def centre(samples: Ints, config: CodecConfig) -> Ints:
    """Centre unsigned samples on zero; signed ones pass.

    Parameters
    ----------
    samples : int[...]
        Samples of format ``config.sample``.

    Returns
    -------
    int32[...]
        Samples of format ``config.centred``.
    """
    return samples.astype(np.int32) - _offset(config)


def clip(centred: Ints, config: CodecConfig, limits: Clip) -> Ints:
    """Undo :func:`centre` and clip to the range that the layer sets.

    Parameters
    ----------
    centred : int[...]
        Restored samples around zero, of format ``config.transform.inverse_rows.o``.
    limits : Clip
        The layer's clip, in units of a sample.

    Returns
    -------
    int32[...]
        Samples of format ``config.restored``.
    """
    low, high = limits.limits(config.restored)
    return np.clip(centred.astype(np.int32) + _offset(config), low, high)


def _offset(config: CodecConfig) -> int:
    return 0 if config.sample_signed else 1 << (config.sample_width - 1)
