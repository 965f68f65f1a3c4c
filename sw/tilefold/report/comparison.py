"""Comparison: what every method and every baseline reaches on one network, as plain data."""

from dataclasses import dataclass

from .record import Baseline, Point, Series


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate, and the accuracy that was measured with it."""

    #: What was asked for: ``"2.5 bits"``, or a baseline's own setting.
    setting: str
    #: Bits a value: guaranteed, or on the mean of the images.
    bits: float
    #: Bits a value of the image that takes most; where they are guaranteed, the same.
    worst: float
    #: Share of the images that were told right.
    accuracy: float

    def __post_init__(self) -> None:
        if not 0 <= self.bits <= self.worst:
            raise ValueError(f"bits must be 0 to the worst, {self.worst:g}, not {self.bits:g}")
        if not 0 <= self.accuracy <= 1:
            raise ValueError(f"accuracy must be 0 to 1, not {self.accuracy:g}")


@dataclass(frozen=True, slots=True)
class Line:
    """What a method reaches at several rates."""

    name: str
    #: Whether the bits are known before any data is seen.
    guaranteed: bool
    rates: tuple[Rate, ...]


@dataclass(frozen=True, slots=True)
class Coded:
    """A stored map, and what lossless coders make of its samples."""

    name: str
    #: Channels, height and width.
    shape: tuple[int, ...]
    #: Share of the samples that are zero.
    zeros: float
    baselines: tuple[Baseline, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Methods and baselines on the same maps of one network, and the same images."""

    #: What the network is called.
    network: str
    #: Digest of the configuration, and bits of a sample there.
    digest: str
    sample_width: int
    #: How many images were learnt from, and how many others accuracy is told of.
    images: int
    tests: int
    #: Share of the latter that is told right in floating point.
    accuracy_float: float
    lines: tuple[Line, ...]
    #: What could not be measured, and why.
    left_out: tuple[str, ...] = ()
    #: In the order of the network; none where baselines were not asked for.
    maps: tuple[Coded, ...] = ()
    #: Of all maps together.
    baselines: tuple[Baseline, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.sample_width <= 16:
            raise ValueError(f"sample_width must be 1 to 16, not {self.sample_width}")
        if not 0 <= self.accuracy_float <= 1:
            raise ValueError(f"accuracy_float must be 0 to 1, not {self.accuracy_float:g}")
        names = [each.name for each in self.lines]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"lines must have names of their own, not {name!r} twice")

    def saved(self, bits: float) -> float:
        """Share of plain samples that is saved at *bits* a value."""
        return 1 - bits / self.sample_width

    @property
    def series(self) -> tuple[Series, ...]:
        """What a report shows of it: bits on the mean, and accuracy."""
        return tuple(
            Series(
                line.name,
                line.guaranteed,
                tuple(Point(rate.bits, rate.accuracy) for rate in line.rates),
            )
            for line in self.lines
            if line.rates
        )
