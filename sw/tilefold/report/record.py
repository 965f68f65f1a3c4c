"""Record: all that a report tells, as plain data. Nothing in it depends on when it was made."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

Rows = tuple[tuple[float, ...], ...]
"""Rows of a rectangle of numbers."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What another coder stores, without a guarantee."""

    name: str
    #: Bits of a value that is stored plainly.
    width: int
    #: Bits a value on the mean of the images, and of the image that takes most.
    mean: float
    worst: float

    def __post_init__(self) -> None:
        _require("width of a baseline", self.width, 1)
        _require("mean of a baseline", self.mean, 0)
        _require("worst of a baseline", self.worst, self.mean)

    @property
    def saved(self) -> float:
        """Share of plain storage that is saved on the mean; negative where it takes more."""
        return 1 - self.mean / self.width


@dataclass(frozen=True, slots=True)
class Layer:
    """A stored map that is compressed."""

    #: The network's own name for it.
    name: str
    #: Channels, height and width, padding not counted.
    shape: tuple[int, ...]
    #: Words that it takes: guaranteed.
    words: int
    #: How many times it is read.
    reads: int
    #: What was chosen for it, in words.
    settings: str
    #: The range that restored samples are clipped to, in words.
    clip: str
    #: Share of the coefficients that their width could not hold.
    saturated: float
    #: Signal over error in dB; none where there is no error.
    snr_db: float | None
    #: Root of the mean square error, in units of a sample.
    rms_error: float
    #: Share of the samples that are zero.
    zeros: float
    baselines: tuple[Baseline, ...] = ()

    def __post_init__(self) -> None:
        _require_shape(self.name, self.shape)
        _require(f"words of {self.name}", self.words, 1)
        _require(f"reads of {self.name}", self.reads, 0)
        _require(f"rms_error of {self.name}", self.rms_error, 0)
        for share in ("saturated", "zeros"):
            _require(f"{share} of {self.name}", getattr(self, share), 0, 1)

    @property
    def values(self) -> int:
        """Values of the map, padding not counted."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A stored map that is left as it is."""

    name: str
    shape: tuple[int, ...]
    #: How many times it is read.
    reads: int
    #: Why.
    reason: str

    def __post_init__(self) -> None:
        _require_shape(self.name, self.shape)
        _require(f"reads of {self.name}", self.reads, 0)

    @property
    def values(self) -> int:
        """Values of the map."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Point:
    """An accuracy that was measured."""

    #: Bits a value: guaranteed, or on the mean.
    bits: float
    #: Share of the images that were told right.
    accuracy: float

    def __post_init__(self) -> None:
        _require("bits of a point", self.bits, 0)
        _require("accuracy of a point", self.accuracy, 0, 1)


@dataclass(frozen=True, slots=True)
class Series:
    """What a method reaches at several rates."""

    name: str
    #: Whether the bits are known before any data is seen.
    guaranteed: bool
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        if not self.points:
            raise ValueError(f"series {self.name!r} must have points")


@dataclass(frozen=True, slots=True)
class Picture:
    """A channel of a map before and after: rows of grey values, 0 to 255."""

    layer: str
    channel: int
    before: tuple[tuple[int, ...], ...]
    after: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        for rows in (self.before, self.after):
            _require_rows(f"picture of {self.layer}", rows)
            for grey in (grey for row in rows for grey in row):
                _require(f"grey of a picture of {self.layer}", grey, 0, 255)


@dataclass(frozen=True, slots=True)
class Heat:
    """The tables of a layer. Where channels have their own, these are means over all of them."""

    layer: str
    #: Width and shift of every coefficient; a row for each vertical frequency, the lowest first.
    widths: Rows
    shifts: Rows
    #: Bits a coefficient of every stored channel.
    channels: tuple[float, ...]

    def __post_init__(self) -> None:
        for rows in (self.widths, self.shifts, (self.channels,)):
            _require_rows(f"tables of {self.layer}", rows)
            for number in (number for row in rows for number in row):
                _require(f"tables of {self.layer}", number, 0, 64)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The hardware that it is for."""

    name: str
    digest: str
    #: Bits of a sample and of a memory word.
    sample_width: int
    word_width: int
    #: All its fields.
    fields: Mapping[str, str | int | float | bool]

    def __post_init__(self) -> None:
        _require("sample_width", self.sample_width, 1)
        _require("word_width", self.word_width, 1)


@dataclass(frozen=True, slots=True)
class Report:
    """A network on a configuration, and what it costs."""

    title: str
    network: str
    configuration: Configuration
    #: Share of the images that are told right: in floating point, and with all maps compressed.
    accuracy_float: float
    accuracy: float
    #: In the order of the network.
    layers: tuple[Layer, ...]
    skipped: tuple[Skipped, ...] = ()
    #: Over all layers; the worst is the image that takes most for all together.
    baselines: tuple[Baseline, ...] = ()
    series: tuple[Series, ...] = ()
    pictures: tuple[Picture, ...] = ()
    heats: tuple[Heat, ...] = ()

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError("layers must be one or more, not none")
        _require("accuracy_float", self.accuracy_float, 0, 1)
        _require("accuracy", self.accuracy, 0, 1)
        names = _different("maps", (each.name for each in self._maps))
        _different("series", (each.name for each in self.series))
        shown = [each.layer for each in self.pictures] + [each.layer for each in self.heats]
        for name in shown:
            if name not in names[: len(self.layers)]:
                raise ValueError(f"pictures and tables must be of a layer, not of {name!r}")
        ours = _different("baselines", (each.name for each in self.baselines))
        for layer in self.layers:
            theirs = [each.name for each in layer.baselines]
            if theirs != ours:
                raise ValueError(f"baselines of {layer.name!r} must be {ours}, not {theirs}")

    @property
    def _maps(self) -> tuple[Layer | Skipped, ...]:
        return (*self.layers, *self.skipped)

    def bits_per_value(self, layer: Layer) -> float:
        """Guaranteed bits a value of a layer, words that are not full counted whole."""
        return layer.words * self.configuration.word_width / layer.values

    def share(self, layer: Layer) -> float:
        """Share of what all layers store."""
        return layer.words / sum(each.words for each in self.layers)

    @property
    def bits(self) -> float:
        """Guaranteed bits a value over all layers."""
        words = sum(layer.words for layer in self.layers)
        return words * self.configuration.word_width / sum(layer.values for layer in self.layers)

    @property
    def saved(self) -> float:
        """Share of the traffic that is saved: all maps, written once and read by their readers.

        Those that are skipped take the bits of a sample for each value, as all would without.
        """
        plain, word = self.configuration.sample_width, self.configuration.word_width
        before = sum((1 + each.reads) * each.values * plain for each in self._maps)
        less = sum(
            (1 + each.reads) * (each.values * plain - each.words * word) for each in self.layers
        )
        return less / before


def _require(name: str, value: float, low: float, high: float = math.inf) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        bounds = f"{low:g} or more" if high == math.inf else f"{low:g} to {high:g}"
        raise ValueError(f"{name} must be {bounds}, not {value}")


def _require_shape(name: str, shape: tuple[int, ...]) -> None:
    if not shape or min(shape) < 1:
        raise ValueError(f"shape of {name} must be sizes from 1 on, not {shape}")


def _require_rows(name: str, rows: tuple[tuple[float, ...], ...]) -> None:
    if not rows or not rows[0] or len({len(row) for row in rows}) > 1:
        raise ValueError(f"{name} must have rows of one length, and numbers in them")


def _different(kind: str, names: Iterable[str]) -> list[str]:
    names = list(names)
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{kind} must have names of their own, not {name!r} twice")
    return names
