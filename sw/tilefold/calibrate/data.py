"""Images and labels: from a NumPy archive, a folder of pictures, or a dataset in Python."""

import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .source import factory

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Inputs of a network."""

    #: float32[n, C, H, W].
    images: Tensor
    #: int64[n], where they are known.
    labels: Tensor | None


def load(
    place: str,
    *,
    count: int | None = None,
    mean: Sequence[float] = (0.0,),
    deviation: Sequence[float] = (1.0,),
) -> Data:
    """Read images, and labels where there are any.

    Parameters
    ----------
    place : str
        One of

        - ``FILE.npz`` with ``images``, ``uint8[n, H, W]``, ``uint8[n, H, W, C]`` or
          ``float32[n, C, H, W]``, and perhaps ``labels``, an integer each;
        - a folder of pictures of one size; those in subfolders have the number of their folder, in
          order of names, for a label;
        - ``FILE.py:NAME`` or ``MODULE:NAME``: a dataset, or what returns one: images and labels as
          two arrays, or a pair of both at a time.
    count : int, optional
        As many of them as are wanted, spread evenly where it is known how many there are; left
        out, all.
    mean, deviation : sequences of float
        Of each channel, or one for all: bytes become 0 to 1 first, and then ``(x - mean) /
        deviation``. What is float already is taken as it is.

    Raises
    ------
    ValueError
        If there are none, or they are none. The message names the place.
    """
    if Path(place).is_dir():
        images, labels = _pictures(Path(place), count)
    elif place.endswith(".npz"):
        images, labels = _archive(Path(place))
    elif ":" in place:
        images, labels = _dataset(place, count)
    else:
        raise ValueError(
            f"data must be FILE.npz, a folder of pictures or FILE.py:NAME, not {place!r}"
        )
    if not images.size:
        raise ValueError(f"{place}: images must be at least one, not none")
    pictures = images.dtype == np.uint8 and images.ndim in (3, 4)
    if not pictures and not (images.dtype.kind == "f" and images.ndim == 4):
        raise ValueError(
            f"{place}: images must be uint8[n, H, W], uint8[n, H, W, C] or float32[n, C, H, W], "
            f"not {images.dtype}{list(images.shape)}"
        )
    if labels is not None and labels.shape != (len(images),):
        raise ValueError(
            f"{place}: labels must be {len(images)}, one an image, not of shape "
            f"{list(labels.shape)}"
        )
    if labels is not None and labels.dtype.kind not in "iu":
        raise ValueError(f"{place}: labels must be integers, not {labels.dtype}")
    chosen = np.arange(len(images))
    if count is not None and count < len(images):
        chosen = np.arange(count) * len(images) // count
    try:
        found = _prepared(images[chosen], mean, deviation)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
    wanted = None if labels is None else torch.from_numpy(labels[chosen].astype(np.int64))
    return Data(found, wanted)


def _prepared(
    images: np.ndarray[Any, Any], mean: Sequence[float], deviation: Sequence[float]
) -> Tensor:
    """Bring images into the form that networks take: float32[n, C, H, W]."""
    if images.dtype == np.uint8:
        channels = 1 if images.ndim == 3 else images.shape[3]
        for name, values in (("mean", mean), ("deviation", deviation)):
            if len(values) not in (1, channels):
                raise ValueError(f"{name} must be one or {channels} numbers, not {len(values)}")
        if not min(deviation) > 0:
            raise ValueError(f"deviation must be more than 0, not {min(deviation):g}")
        scaled = images.reshape(*images.shape[:3], channels).astype(np.float32) / 255
        scaled = (scaled - np.array(mean, np.float32)) / np.array(deviation, np.float32)
        images = scaled.transpose(0, 3, 1, 2)
    with np.errstate(over="ignore"):
        images = np.ascontiguousarray(images, np.float32)
    if not np.isfinite(images).all():
        raise ValueError("images must be finite, which they are not")
    return torch.from_numpy(images)


def _archive(path: Path) -> tuple[Any, Any]:
    if not path.is_file():
        raise ValueError(f"data must be in a file that is there, not {str(path)!r}")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path}: must be an archive, as numpy.savez writes it")
    try:
        with np.load(path, allow_pickle=False) as archive:
            if "images" not in archive:
                held = ", ".join(archive) or "nothing"
                raise ValueError(f"archive must hold 'images', not {held}")
            return archive["images"], archive.get("labels")
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: {error}") from None


def _pictures(folder: Path, count: int | None) -> tuple[Any, Any]:
    from PIL import Image, UnidentifiedImageError

    classes = sorted(each.name for each in folder.iterdir() if each.is_dir())
    paths = sorted(each for each in folder.rglob("*") if each.suffix.lower() in PICTURES)
    if not paths:
        raise ValueError(f"{folder}: folder must hold pictures ({', '.join(PICTURES)})")
    if count is not None and count < len(paths):
        paths = [paths[number * len(paths) // count] for number in range(count)]
    read = []
    for path in paths:
        try:
            with Image.open(path) as picture:
                if picture.mode.startswith(("I", "F")):
                    raise OSError(f"its channels must be of 8 bits, not {picture.mode!r}")
                mode = "L" if picture.mode in ("1", "L") else "RGB"
                read.append(np.asarray(picture.convert(mode)))
        except (UnidentifiedImageError, OSError) as error:
            raise ValueError(f"{path}: must be a picture: {error}") from None
        if read[-1].shape != read[0].shape:
            raise ValueError(
                f"{path}: pictures must be of one size and kind, {list(read[0].shape)}, "
                f"not {list(read[-1].shape)}"
            )
    inside = [path.relative_to(folder).parts for path in paths]
    labelled = classes and all(len(parts) > 1 for parts in inside)
    labels = np.array([classes.index(parts[0]) for parts in inside]) if labelled else None
    return np.stack(read), labels


def _dataset(place: str, count: int | None) -> tuple[Any, Any]:
    found = factory(place)
    if isinstance(found, type) or (callable(found) and not hasattr(found, "__getitem__")):
        found = found()
    if isinstance(found, tuple) and len(found) == 2:
        images, labels = found
        return np.asarray(images), None if labels is None else np.asarray(labels)
    if not isinstance(found, Iterable) and not hasattr(found, "__getitem__"):
        raise ValueError(f"{place}: must be a dataset, not {type(found).__name__}")
    if count is not None and hasattr(found, "__len__") and hasattr(found, "__getitem__"):
        total = len(found)
        count = min(count, total)
        found = map(found.__getitem__, (number * total // count for number in range(count)))
    images, labels = [], []
    for pair in islice(found, count):
        if not (isinstance(pair, tuple | list) and len(pair) == 2):
            raise ValueError(
                f"{place}: dataset must hold pairs of image and label, not {type(pair).__name__}"
            )
        images.append(np.asarray(pair[0]))
        labels.append(np.asarray(pair[1]))
        if images[-1].shape != images[0].shape:
            raise ValueError(
                f"{place}: images must be of one shape, {list(images[0].shape)}, "
                f"not {list(images[-1].shape)}"
            )
    return np.array(images), np.array(labels)
