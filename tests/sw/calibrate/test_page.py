"""The page that `make calibration` writes."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from networks import smooth

from tilefold.calibrate.page import subject
from tilefold.calibrate.page.__main__ import main
from tilefold.calibrate.page.contents import sections
from tilefold.calibrate.page.subject import Subject
from tilefold_hw.config import named

NETWORK = """
from torch import nn

def small():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 5)
    )
"""

SECTIONS = """
[[section]]
name = "some"
title = "Some"
text = "Of masks."
config = "standard"
methods = ["mask"]
bits = [3, 2]
clips = ["zero", "none"]

[[section]]
name = "others"
title = "Others"
text = "Of coders."
config = "standard"
methods = ["allocate"]
bits = [2.5]
baselines = true
"""


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    (tmp_path / "net.py").write_text(NETWORK)
    (tmp_path / "sections.toml").write_text(SECTIONS)
    from safetensors.torch import save_file

    layers = {"0.weight": (4, 3, 3, 3), "0.bias": (4,), "3.weight": (5, 1024), "3.bias": (5,)}
    save_file({name: torch.randn(shape) for name, shape in layers.items()}, tmp_path / "net.st")
    for name, seed in (("train", 0), ("test", 1)):
        images = smooth(12, seed).numpy()
        np.savez(tmp_path / f"{name}.npz", images=images, labels=np.arange(12) % 5)
    return tmp_path


def arguments(folder):
    return [
        *("--network", f"{folder / 'net.py'}:small", "--weights", str(folder / "net.st")),
        *("--data", str(folder / "train.npz"), "--test", str(folder / "test.npz")),
        *("--sections", str(folder / "sections.toml"), "--page", str(folder / "it.md")),
        *("--measured", str(folder / "measured"), "--images", "12"),
    ]


@pytest.fixture
def written(folder):
    main(arguments(folder))
    return folder


def test_it_tells_every_figure_and_its_command(written):
    text = (written / "it.md").read_text(encoding="utf-8")
    assert "## Some\n\nOf masks.\n" in text
    assert (
        "`tilefold compare net.py:small --weights net.st --data train.npz --test test.npz "
        "--images 12 --method mask --bits 3,2 --clip zero --clip none --no-baselines`"
    ) in text
    assert "| **mask, clipped at zero** | 3 bits | " in text
    assert "| guaranteed |" in text
    assert "| run-length | 8-bit samples | " in text
    assert "| 0 | 4 × 16 × 16 | " in text
    assert "![Others: accuracy against bits a value](it/others.svg)" in text
    assert (written / "it" / "some.svg").is_file()
    assert str(written) not in text


def test_what_was_measured_stays_measured(written, monkeypatch):
    before = (written / "it.md").read_bytes(), (written / "it" / "some.svg").read_bytes()
    monkeypatch.delattr(subject, "compare")
    main(arguments(written))
    assert ((written / "it.md").read_bytes(), (written / "it" / "some.svg").read_bytes()) == before


def test_it_is_measured_again_when_something_changes(written, monkeypatch):
    monkeypatch.delattr(subject, "compare")
    np.savez(written / "test.npz", images=smooth(12, 2).numpy(), labels=np.arange(12) % 5)
    with pytest.raises(NameError, match="compare"):
        main(arguments(written))


def test_what_is_kept_and_was_damaged(written):
    (written / "measured" / "some.json").write_text("{}")
    with pytest.raises(ValueError, match=r"some\.json: measured must have .* to measure again$"):
        main(arguments(written))


def test_a_key_depends_on_what_files_hold_and_not_on_where_they_lie(folder, tmp_path_factory):
    (section, *_) = sections(folder / "sections.toml")
    one = Subject(f"{folder / 'net.py'}:small", str(folder / "train.npz"), str(folder / "test.npz"))
    moved = folder.rename(tmp_path_factory.mktemp("other") / "there")
    two = Subject(f"{moved / 'net.py'}:small", str(moved / "train.npz"), str(moved / "test.npz"))
    keys = {two.key(section)}
    moved.rename(folder)
    keys |= {one.key(section)}
    assert len(keys) == 1
    keys |= {replace(one, images=64).key(section), replace(one, mean="0.5").key(section)}
    keys |= {one.key(replace(section, config="precise"))}
    assert len(keys) == 4


def test_the_sections_are_such_as_can_be_measured():
    found = sections()
    assert len({each.name for each in found}) == len(found) >= 4
    for each in found:
        assert max(each.plan.bits) < named(each.config).sample_width
    assert {name for each in found for name in each.plan.methods} >= {"allocate", "mask", "fisher"}
