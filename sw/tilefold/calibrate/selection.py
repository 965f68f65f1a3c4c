"""Selection: the channels that tell the most about the others, and how to restore those.

A nonlinearity is the same in every channel, so a selection of channels can stand in front of it as
well as behind it: it is where a projection around the nonlinearity begins to learn.
"""

import numpy as np
import torch

from .principal import Floats
from .projection import Pair
from .statistics import Statistics


def select(statistics: Statistics, kept: int) -> Pair:
    """Project a map to *kept* of its channels, and back by least squares, without biases.

    One channel is taken after the other: that which is told worst by those taken before, the first
    being the strongest. (Elimination with the largest pivot, of the mean products of the channels.)

    Parameters
    ----------
    statistics : Statistics
        Of the map as it is stored, behind the nonlinearity.
    kept : int
        Channels, 1 to their number.
    """
    channels = len(statistics.channels.mean)
    if not 1 <= kept <= channels:
        raise ValueError(f"channels must be 1 to {channels}, not {kept}")
    products = statistics.covariance + np.outer(statistics.channels.mean, statistics.channels.mean)
    taken = _tell_most(products, kept)
    compress = np.zeros((kept, channels))
    compress[np.arange(kept), taken] = 1
    # Channels that are always zero tell nothing, so the matrix may be singular.
    restore = products[:, taken] @ np.linalg.pinv(products[np.ix_(taken, taken)], hermitian=True)
    return Pair(torch.from_numpy(compress).float(), torch.from_numpy(restore).float())


def _tell_most(products: Floats, kept: int) -> list[int]:
    """Take *kept* channels, in their own order."""
    left = products.copy()
    taken: list[int] = []
    for _ in range(kept):
        unexplained = np.diag(left).copy()
        unexplained[taken] = -1
        best = int(unexplained.argmax())
        taken.append(best)
        if unexplained[best] > 0:
            left -= np.outer(left[:, best], left[best]) / unexplained[best]
    return sorted(taken)
