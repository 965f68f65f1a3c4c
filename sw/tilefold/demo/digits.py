"""The demo's images: handwritten digits of 8x8 pixels, enlarged to 32x32, in a fixed split."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labelled = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Images, and which digit each one is."""

#: Side of an enlarged image, in pixels: four tiles of eight.
SIDE = 32

#: Share of every class that is held out.
TEST_SHARE = 0.3

#: Seed of the split. The shipped weights have seen the training images of this one and no other.
SPLIT_SEED = 0

#: Value of the darkest pixel of the original images.
_DARKEST = 16


@dataclass(frozen=True, slots=True, eq=False)
class Digits:
    """Images of digits, and which digit each one is; the training and test images share none."""

    #: float32[n, 1, 32, 32], 0 (paper) to 1 (ink).
    train_images: NDArray[np.float32]
    #: int64[n], 0 to 9.
    train_labels: NDArray[np.int64]
    #: float32[m, 1, 32, 32], 0 (paper) to 1 (ink).
    test_images: NDArray[np.float32]
    #: int64[m], 0 to 9.
    test_labels: NDArray[np.int64]


def load() -> Digits:
    """Load the digits that come with scikit-learn, enlarged and split.

    Training and test images differ, but the same people wrote both: the accuracy is that of a
    familiar hand, not of a stranger's.

    Raises
    ------
    ModuleNotFoundError
        If scikit-learn is not installed.

    Source
    ------
    E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning
    Repository, 1998; the 1797 images of its test set.
    """
    # Imported here, because it takes a second that the other verbs of the program need not pay.
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the digits need scikit-learn: pip install 'tilefold[demo]'", name=error.name
        ) from error

    bunch = load_digits()
    images = enlarge((bunch.images / _DARKEST).astype(np.float32), SIDE)[:, np.newaxis]
    labels = bunch.target.astype(np.int64)
    train, test = split(labels)
    return Digits(images[train], labels[train], images[test], labels[test])


def enlarge(images: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Enlarge square images by bilinear interpolation.

    Pixels are squares with their values at the centres, so the enlarged image covers the same
    area; beyond the outermost centres the edge value continues. From 8 to 32 pixels every weight
    is a multiple of 1/8 and the digits have 4 fraction bits, so float32 holds them exactly.

    Parameters
    ----------
    images : float32[..., n, n]
        The images.
    side : int
        Pixels on a side of an enlarged image, at least n.

    Returns
    -------
    float32[..., side, side]
        The enlarged images.
    """
    rows, columns = images.shape[-2:]
    if rows != columns:
        raise ValueError(f"images must be square, not {rows}x{columns}")
    if side < rows:
        raise ValueError(f"side must be at least {rows}, not {side}")

    centres = np.clip((np.arange(side) + 0.5) * (rows / side) - 0.5, 0, rows - 1)
    # Row i of the matrix mixes the two pixels nearest to the centre of enlarged pixel i.
    distances = np.abs(centres[:, np.newaxis] - np.arange(rows))
    matrix = np.maximum(1 - distances, 0).astype(np.float32)
    enlarged: NDArray[np.float32] = matrix @ images @ matrix.T
    return enlarged


def split(
    labels: NDArray[np.int64], test_share: float = TEST_SHARE, seed: int = SPLIT_SEED
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose the images to train on and those to hold out, the same share of every class.

    Parameters
    ----------
    labels : int64[n]
        Class of every image.
    test_share : float
        Share of every class that is held out, above 0 and below 1.
    seed : int
        Seed of the choice.

    Returns
    -------
    tuple of int64[n - m] and int64[m]
        Indices of the images to train on, and of those held out; both ascending.
    """
    if not 0 < test_share < 1:
        raise ValueError(f"test_share must be above 0 and below 1, not {test_share}")

    # The order comes from the raw bits of the generator: NumPy promises that they never change,
    # and makes no such promise for shuffles. A split that moved would test on trained images.
    keys = np.random.PCG64(seed).random_raw(labels.size)
    held_out = np.zeros(labels.size, dtype=np.bool_)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        order = members[np.argsort(keys[members])]
        held_out[order[: round(test_share * members.size)]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)
