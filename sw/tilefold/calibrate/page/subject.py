"""Subject: the network that the page tells of, its images, and what was measured of both."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import nn

from tilefold_hw.config import named

from ...files import write_whole
from ...report.comparison import Comparison
from ...report.plain import dump, parse
from .. import source
from ..compare import compare
from ..data import Data, load
from ..distil import unchanged
from ..pipeline import begin
from ..progress import Progress
from ..tune import mirrored
from .contents import Section


@dataclass(frozen=True, slots=True)
class Subject:
    """A network, and images to learn from and to test on, as the verbs take them."""

    network: str
    data: str
    test: str
    weights: str = ""
    mean: str = "0"
    deviation: str = "1"
    #: How many images to learn from, and how many to test on at most.
    images: int = 512
    tests: int | None = None
    #: Whether mirrored images are as likely.
    mirror: bool = False

    def trained(self) -> nn.Module:
        """Build the network with its weights."""
        return source.network(self.network, self.weights or None)

    def training(self, *, every: bool = False) -> Data:
        """Read the images to learn from, or every one that there is."""
        return self._read(self.data, None if every else self.images)

    def testing(self) -> Data:
        """Read the images to test on."""
        return self._read(self.test, self.tests)

    @property
    def options(self) -> str:
        """What a verb is called with; of a path that leads out of here, its last part."""
        words = [_told(self.network), f"--data {_told(self.data)}", f"--test {_told(self.test)}"]
        if self.weights:
            words.insert(1, f"--weights {_told(self.weights)}")
        if (self.mean, self.deviation) != ("0", "1"):
            words.append(f"--mean {self.mean} --deviation {self.deviation}")
        if self.images != 512:
            words.append(f"--images {self.images}")
        if self.tests is not None:
            words.append(f"--tests {self.tests}")
        return " ".join(words)

    def key(self, section: Section) -> str:
        """SHA-256 of all that a comparison depends on but the code, in hex."""
        total = hashlib.sha256(named(section.config).to_toml().encode())
        told = {**asdict(self), "plan": asdict(section.plan)}
        for name in ("network", "weights", "data", "test"):
            # Of FILE.py:NAME, the file; of where a file lies, nothing.
            path = Path(told[name].rpartition(":")[0] or told[name])
            if path.is_file():
                total.update(hashlib.sha256(path.read_bytes()).digest())
                told[name] = told[name].removeprefix(str(path.parent))
        total.update(json.dumps(told).encode())
        return total.hexdigest()

    def _read(self, place: str, count: int | None) -> Data:
        mean, deviation = (
            tuple(map(float, each.split(","))) for each in (self.mean, self.deviation)
        )
        return load(place, count=count, mean=mean, deviation=deviation)


@dataclass(frozen=True, slots=True)
class Measured:
    """A comparison as it is kept, and what it was measured of."""

    key: str
    comparison: Comparison


def measured(subject: Subject, section: Section, folder: Path, progress: Progress) -> Comparison:
    """Measure a section, unless *folder* has it from before.

    What was measured stays measured until network, images or section change. Who changes the code
    deletes the folder.
    """
    path, key = folder / f"{section.name}.json", subject.key(section)
    if path.is_file():
        try:
            found = parse(Measured, path.read_text(encoding="utf-8"))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: {error}: delete it to measure again") from None
        if found.key == key:
            return found.comparison
    test = subject.testing()
    begun = begin(
        subject.trained(), subject.training().images, named(section.config), progress=progress
    )
    comparison = compare(
        begun,
        test.images,
        test.labels,
        section.plan,
        source.called(subject.network),
        progress,
        trained_on=subject.training(every=True).images if section.plan.train else None,
        vary=mirrored if subject.mirror else unchanged,
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, dump(Measured(key, comparison)).encode())
    return comparison


def _told(place: str) -> str:
    path = Path(place)
    return path.name if path.is_absolute() or ".." in path.parts else place
