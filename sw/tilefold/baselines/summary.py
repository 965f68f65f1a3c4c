"""Summary: what a coder stores for a map, on the mean and at worst."""

from dataclasses import dataclass

import numpy as np

from ..model.arith import Ints
from .coder import Counts


@dataclass(frozen=True, slots=True)
class Summary:
    """Bits of a map, or of all maps of a network, over some images."""

    #: Values of an image, padding not counted.
    values: int
    #: Bits of a value that is stored plainly.
    width: int
    #: Bits of an image on the mean.
    mean: float
    #: Bits of the image that takes most: what memory has to be there for.
    worst: int

    @property
    def mean_bits_per_value(self) -> float:
        """Bits a value on the mean."""
        return self.mean / self.values

    @property
    def worst_bits_per_value(self) -> float:
        """Bits a value of the image that takes most."""
        return self.worst / self.values

    @property
    def saved(self) -> float:
        """Share of plain storage that is saved on the mean; negative where it takes more."""
        return 1 - self.mean_bits_per_value / self.width

    @property
    def saved_at_worst(self) -> float:
        """Share of plain storage that is saved for the image that takes most."""
        return 1 - self.worst_bits_per_value / self.width


def summarise(bits: Counts, values: int, width: int) -> Summary:
    """Summarise the bits of some images.

    Parameters
    ----------
    bits : int[n]
        Bits of each image: of one map, as :meth:`~tilefold.baselines.coder.Coder.bits` tells them,
        or of several maps, added up image by image.
    values : int
        Values of an image in these maps.
    width : int
        Bits of a value that is stored plainly.
    """
    if bits.ndim != 1 or not len(bits):
        raise ValueError(f"bits must be those of one image or more, not of shape {bits.shape}")
    for name, number in (("values", values), ("width", width)):
        if number < 1:
            raise ValueError(f"{name} must be 1 or more, not {number}")
    return Summary(values, width, float(bits.mean()), int(bits.max()))


def zeros(samples: Ints) -> float:
    """Share of the samples, ``int[...]``, that are zero."""
    return 1 - np.count_nonzero(samples) / samples.size
