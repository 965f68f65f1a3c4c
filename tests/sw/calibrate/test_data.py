"""Images and labels from archives, folders and datasets, and what is wrong with some."""

import re
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

from tilefold.calibrate.data import load

DATASETS = """
import itertools

import numpy as np
import torch

ARRAYS = np.arange(10, dtype=np.uint8).repeat(4).reshape(10, 2, 2), list(range(10))
TENSORS = torch.ones(3, 1, 2, 2), torch.tensor([2, 1, 0])
UNLABELLED = np.zeros((4, 2, 2), np.uint8), None


class Digits:
    read = []

    def __len__(self):
        return 10

    def __getitem__(self, place):
        if not 0 <= place < 10:
            raise IndexError
        self.read.append(place)
        return np.full((1, 2, 2), place, np.float32), place


def stream():
    for number in itertools.count():
        yield torch.full((1, 2, 2), float(number)), torch.tensor(number)


digits = Digits()
nothing = []
number = 7
images = [np.zeros((2, 2), np.uint8)]
words = [(np.zeros((2, 2), np.uint8), "seven")]
several = [(np.zeros((2, side), np.uint8), 0) for side in (2, 3)]
"""


def exactly(message):
    return f"^{re.escape(message)}$"


def grey(*shape):
    return np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)


@pytest.fixture
def archive(tmp_path):
    """Writer of archives."""

    def write(**arrays):
        np.savez(tmp_path / "data.npz", **arrays)
        return str(tmp_path / "data.npz")

    return write


@pytest.fixture
def folder(tmp_path):
    """Folder of two classes with pictures of one shade each."""
    for number, name in enumerate(["b/1.png", "a/2.PNG", "a/1.bmp", "b/x/3.png"]):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (3, 2), number).save(path)
    (tmp_path / "pictures/a/notes.txt").write_text("no picture")
    return tmp_path / "pictures"


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    """File with datasets."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    (tmp_path / "sets.py").write_text(DATASETS)
    return str(tmp_path / "sets.py")


# Archives


def test_bytes_become_shares_of_one(archive):
    images = grey(2, 3, 4)
    found = load(archive(images=images, labels=np.array([1, 0], np.uint8)))
    np.testing.assert_array_equal(
        found.images.numpy(), images[:, np.newaxis].astype(np.float32) / 255
    )
    assert found.labels.tolist() == [1, 0]
    assert (found.images.dtype, found.labels.dtype) == (torch.float32, torch.int64)


def test_every_channel_has_its_mean_and_deviation(archive):
    images = grey(2, 3, 4, 3)
    mean, deviation = (0.1, 0.2, 0.3), (0.5, 0.25, 2.0)
    found = load(archive(images=images), mean=mean, deviation=deviation)
    assert found.labels is None
    for channel in range(3):
        expected = (images[..., channel] / 255 - mean[channel]) / deviation[channel]
        np.testing.assert_allclose(found.images[:, channel].numpy(), expected, atol=1e-6)


def test_one_mean_is_for_all_channels(archive):
    place = archive(images=grey(2, 3, 4, 3))
    one, three = load(place, mean=(0.5,)), load(place, mean=(0.5, 0.5, 0.5))
    assert torch.equal(one.images, three.images)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_floats_are_taken_as_they_are(archive, dtype):
    images = np.linspace(-2, 2, 24).reshape(2, 3, 2, 2).astype(dtype)
    found = load(archive(images=images), mean=(0.5,))
    np.testing.assert_array_equal(found.images.numpy(), images.astype(np.float32))


@pytest.mark.parametrize("count", [1, 3, 10, 11])
def test_a_count_is_spread_evenly(archive, count):
    place = archive(images=grey(10, 1, 1), labels=np.arange(10))
    found = load(place, count=count)
    expected = {1: [0], 3: [0, 3, 6]}.get(count, list(range(10)))
    assert found.labels.tolist() == expected
    assert (found.images.flatten() * 255).round().int().tolist() == expected


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": grey(1, 2, 2)}, "archive must hold 'images', not pictures"),
        ({}, "archive must hold 'images', not nothing"),
        ({"images": grey(0, 2, 2)}, "images must be at least one, not none"),
        (
            {"images": grey(4, 2)},
            "images must be uint8[n, H, W], uint8[n, H, W, C] or float32[n, C, H, W], "
            "not uint8[4, 2]",
        ),
        (
            {"images": np.float32(3)},
            "images must be uint8[n, H, W], uint8[n, H, W, C] or float32[n, C, H, W], "
            "not float32[]",
        ),
        (
            {"images": np.zeros((4, 2, 2))},
            "images must be uint8[n, H, W], uint8[n, H, W, C] or float32[n, C, H, W], "
            "not float64[4, 2, 2]",
        ),
        (
            {"images": np.zeros((4, 1, 2, 2), np.int64)},
            "images must be uint8[n, H, W], uint8[n, H, W, C] or float32[n, C, H, W], "
            "not int64[4, 1, 2, 2]",
        ),
        ({"images": np.full((1, 1, 2, 2), np.nan)}, "images must be finite, which they are not"),
        ({"images": np.full((1, 1, 2, 2), 1e300)}, "images must be finite, which they are not"),
        (
            {"images": grey(2, 2, 2), "labels": np.arange(3)},
            "labels must be 2, one an image, not of shape [3]",
        ),
        (
            {"images": grey(2, 2, 2), "labels": np.eye(2, dtype=int)},
            "labels must be 2, one an image, not of shape [2, 2]",
        ),
        (
            {"images": grey(2, 2, 2), "labels": np.zeros(2)},
            "labels must be integers, not float64",
        ),
    ],
)
def test_what_is_wrong_with_an_archive_is_told(archive, arrays, message):
    place = archive(**arrays)
    with pytest.raises(ValueError, match=exactly(f"{place}: {message}")):
        load(place)


def test_objects_are_refused_since_they_may_carry_code(archive):
    place = archive(images=np.array([{}, {}], dtype=object))
    with pytest.raises(ValueError, match=re.escape(place) + ": Object arrays cannot be loaded"):
        load(place)


def test_what_is_no_archive_is_told(tmp_path):
    path = tmp_path / "data.npz"
    message = f"data must be in a file that is there, not {str(path)!r}"
    with pytest.raises(ValueError, match=exactly(message)):
        load(str(path))
    for content in (b"", b"no archive", b"\x93NUMPY", b"\x80\x04."):
        path.write_bytes(content)
        message = f"{path}: must be an archive, as numpy.savez writes it"
        with pytest.raises(ValueError, match=exactly(message)):
            load(str(path))


def test_a_damaged_archive_is_told(archive):
    place = archive(images=grey(8, 8, 8))
    with open(place, "r+b") as file:
        file.seek(300)
        file.write(b"damage")
    with pytest.raises(ValueError, match=exactly(f"{place}: Bad CRC-32 for file 'images.npy'")):
        load(place)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"mean": (0.1, 0.2)}, "mean must be one or 3 numbers, not 2"),
        ({"deviation": (1.0,) * 4}, "deviation must be one or 3 numbers, not 4"),
        ({"deviation": (1.0, 0.0, 1.0)}, "deviation must be more than 0, not 0"),
        ({"mean": (np.inf,)}, "images must be finite, which they are not"),
    ],
)
def test_means_and_deviations_that_do_not_fit(archive, changed, message):
    place = archive(images=grey(1, 2, 2, 3))
    with pytest.raises(ValueError, match=exactly(f"{place}: {message}")):
        load(place, **changed)


# Folders


def test_subfolders_are_classes(folder):
    found = load(str(folder))
    assert (found.images[:, 0, 0, 0] * 255).round().int().tolist() == [2, 1, 0, 3]
    assert found.labels.tolist() == [0, 0, 1, 1]
    assert found.images.shape == (4, 1, 2, 3)


def test_some_of_a_folder(folder):
    assert load(str(folder), count=2).labels.tolist() == [0, 1]


def test_pictures_beside_folders_have_no_labels(folder):
    Image.new("L", (3, 2)).save(folder / "1.png")
    assert load(str(folder)).labels is None
    assert load(str(folder / "a")).labels is None


def test_pictures_in_colour(folder):
    for path in folder.rglob("*.png"):
        path.unlink()
    (folder / "a/2.PNG").unlink()
    (folder / "a/1.bmp").unlink()
    Image.new("P", (3, 2)).save(folder / "a/1.png")
    Image.new("RGB", (3, 2), (255, 0, 51)).save(folder / "a/2.png")
    found = load(str(folder))
    assert found.images.shape == (2, 3, 2, 3)
    assert found.images[1, :, 0, 0].tolist() == pytest.approx([1, 0, 0.2])


def test_what_is_wrong_with_a_folder_is_told(folder):
    Image.new("L", (4, 2)).save(folder / "b/z.png")
    message = f"{folder}/b/z.png: pictures must be of one size and kind, [2, 3], not [2, 4]"
    with pytest.raises(ValueError, match=exactly(message)):
        load(str(folder))
    Image.new("I;16", (3, 2)).save(folder / "b/z.png")
    message = f"{folder}/b/z.png: must be a picture: its channels must be of 8 bits, not 'I;16'"
    with pytest.raises(ValueError, match=exactly(message)):
        load(str(folder))
    (folder / "b/z.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=re.escape(f"{folder}/b/z.png: must be a picture: cannot")):
        load(str(folder))
    (folder / "empty").mkdir()
    message = f"{folder}/empty: folder must hold pictures (.png, .jpg, .jpeg, .bmp, .webp)"
    with pytest.raises(ValueError, match=exactly(message)):
        load(str(folder / "empty"))


# Datasets


@pytest.mark.parametrize("name", ["digits", "Digits", "stream"])
def test_pairs(dataset, name):
    found = load(f"{dataset}:{name}", count=4)
    expected = [0, 1, 2, 3] if name == "stream" else [0, 2, 5, 7]
    assert found.labels.tolist() == expected
    assert found.images.shape == (4, 1, 2, 2)
    assert found.images[:, 0, 1, 1].tolist() == expected


def test_a_dataset_is_read_no_further_than_needed(dataset):
    load(f"{dataset}:digits", count=2)
    assert sys.modules[f"tilefold of {dataset}"].Digits.read == [0, 5]


def test_all_of_a_dataset(dataset):
    assert load(f"{dataset}:digits").labels.tolist() == list(range(10))


def test_two_arrays(dataset):
    found = load(f"{dataset}:ARRAYS", count=2)
    assert (found.images[:, 0, 0, 0] * 255).round().tolist() == [0, 5]
    assert found.labels.tolist() == [0, 5]
    assert load(f"{dataset}:TENSORS").labels.tolist() == [2, 1, 0]
    assert load(f"{dataset}:UNLABELLED").labels is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "images must be at least one, not none"),
        ("number", "must be a dataset, not int"),
        ("images", "dataset must hold pairs of image and label, not ndarray"),
        ("words", "labels must be integers, not <U5"),
        ("several", "images must be of one shape, [2, 2], not [2, 3]"),
    ],
)
def test_what_is_wrong_with_a_dataset_is_told(dataset, name, message):
    with pytest.raises(ValueError, match=exactly(f"{dataset}:{name}: {message}")):
        load(f"{dataset}:{name}")


def test_what_is_no_data_is_told():
    message = "data must be FILE.npz, a folder of pictures or FILE.py:NAME, not 'images.csv'"
    with pytest.raises(ValueError, match=exactly(message)):
        load("images.csv")
