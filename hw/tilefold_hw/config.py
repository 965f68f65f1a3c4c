"""The configuration of a build: one frozen record, read from and written to TOML."""

import difflib
import hashlib
import tomllib
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from .check import naming
from .fixed import SQ, UQ, Q
from .transform import SIZES, Transform, transform

FIELD_WIDTH_MAX = 16
"""Widest stored field, in bits."""

GROUPS_WIDTH = 16
"""Width of the counter of tile groups in a packet."""

WEIGHT = SQ(8)
"""Format of a projector weight."""

SCALE = UQ(16)
"""Format of a projector's per-output multiplier."""

SCALE_SHIFT_MAX = 47
"""Largest shift behind the per-output multiplier."""

_RANGES = {
    "sample_width": (4, 16),
    "channels": (1, 1024),
    "tables": (1, 1024),
    "memory_words": (16, 1 << 20),
    "project_macs": (0, 64),
    "expand_macs": (0, 64),
}

_CHOICES = {
    "tile": SIZES,
    "lanes": (1, 2, 4, 8),
    "word_width": (16, 32, 64, 128, 256, 512),
    "multiplier_width": (16, 18),
}


@dataclass(frozen=True, slots=True)
class CodecConfig:
    """Everything that is fixed when the hardware is built.

    What a layer may choose at run time (its channels, tables, clip, weights) is a
    :class:`~tilefold_hw.layer.Layer`; this record sets the room there is for it.

    Raises
    ------
    ValueError, TypeError
        In words that name the field, the value and what is allowed.
    """

    #: Bits of a sample, 4 to 16.
    sample_width: int = 8
    #: Samples are two's complement; else unsigned.
    sample_signed: bool = False
    #: Points on a side of a tile: 4, 7, 8 or 16.
    tile: int = 8
    #: Samples a clock: 1, or 2, 4 or 8 with tiles of 8 and no projector.
    lanes: int = 1
    #: Most channels in a tile group. Sizes the reorder memory: ``tile**2 * channels`` samples.
    channels: int = 64
    #: Resident tables (width, shift) that channels may share.
    tables: int = 64
    #: Bits of a memory word.
    word_width: int = 32
    #: Words in the memory between encoder and decoder of a ``Codec``.
    memory_words: int = 1024
    #: Widest operand of the device's multipliers: 18 on ECP5, 16 on iCE40.
    multiplier_width: int = 18
    #: Multipliers of the projector in front of the encoder; 0 leaves it out.
    project_macs: int = 0
    #: Multipliers of the projector behind the decoder; 0 leaves it out.
    expand_macs: int = 0
    #: Layers may choose tiles of 7 points too, in a build with tiles of 8 and one lane.
    sevens: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            kind = field.type
            if type(value) is not kind:
                words = {int: "an integer", bool: "true or false"}[kind]  # type: ignore[index]
                raise TypeError(f"{field.name} must be {words}, not {value!r}")
        for name, (low, high) in _RANGES.items():
            if not low <= (value := getattr(self, name)) <= high:
                raise ValueError(
                    f"{name} must be {low} to {high}, not {value}; "
                    f"the nearest is {min(max(value, low), high)}"
                )
        for name, choices in _CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                listed = ", ".join(map(str, choices[:-1]))
                nearest = min(choices, key=lambda choice: abs(choice - value))
                raise ValueError(
                    f"{name} must be {listed} or {choices[-1]}, not {value}; "
                    f"the nearest is {nearest}"
                )
        if self.tables > self.channels:
            raise ValueError(
                f"tables must be at most channels ({self.channels}), not {self.tables}: "
                "a channel reads one table"
            )

        if self.lanes > 1:
            self._need(f"{self.lanes} lanes", tile=8, project_macs=0, expand_macs=0)
        if self.sevens:
            self._need("sevens", tile=8, lanes=1)
        if self.word_width <= (most := self.lanes * self.field.width):
            # The packer sends at most one word a cycle, even where a packet's last word is short.
            cycle = "a field" if self.lanes == 1 else f"{self.lanes} fields"
            nearest = next(width for width in _CHOICES["word_width"] if width > most)
            raise ValueError(
                f"word_width must be more than the {most} bits of {cycle}, "
                f"not {self.word_width}; the nearest is {nearest}"
            )

    def _need(self, what: str, **needed: int) -> None:
        for name, only in needed.items():
            if (value := getattr(self, name)) != only:
                raise ValueError(f"{name} must be {only} with {what}, not {value}")

    @property
    def sample(self) -> Q:
        """Format of a sample at the encoder's input."""
        return SQ(self.sample_width) if self.sample_signed else UQ(self.sample_width)

    @property
    def centred(self) -> Q:
        """Format of a sample inside: an unsigned one with its range centred on zero."""
        return SQ(self.sample_width)

    @property
    def restored(self) -> Q:
        """Format of a sample at the decoder's output.

        Unsigned samples come back with room for a sign: what the transform's loss leaves below
        zero is kept unless the layer clips it.
        """
        return SQ(self.sample_width + (not self.sample_signed))

    @property
    def transform(self) -> Transform:
        """The transform and the formats inside it."""
        return transform(self.tile, self.centred, self.multiplier_width)

    @property
    def coefficient(self) -> Q:
        """Format of a coefficient."""
        return self.transform.coefficient

    @property
    def shift_max(self) -> int:
        """Largest shift of a table entry: it leaves the sign of a coefficient."""
        return self.coefficient.width - 1

    @property
    def field(self) -> Q:
        """Format of a stored field before it is cut to its width."""
        return SQ(min(FIELD_WIDTH_MAX, self.coefficient.width))

    @property
    def pixels(self) -> int:
        """Pixels of a tile; of the larger one, if layers may choose."""
        return self.tile**2

    @property
    def tiles(self) -> tuple[int, ...]:
        """Points on a side of the tiles that a layer may have: its choices."""
        return (7, 8) if self.sevens else (self.tile,)

    @property
    def pixels_least(self) -> int:
        """Pixels of the smallest tile that a layer may have."""
        return min(self.tiles) ** 2

    def at(self, tile: int) -> "CodecConfig":
        """Return the configuration that has tiles of this size alone, and is else the same.

        What a layer stores is what it would store there. Circuits have the formats of the larger
        tile, which hold those of the smaller one.
        """
        return replace(self, tile=tile, sevens=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the configuration, in hex: what a bundle and a device must agree on."""
        return hashlib.sha256(self.to_toml().encode()).hexdigest()

    def to_toml(self) -> str:
        """Write the configuration as TOML, a line a field.

        ``sevens`` is younger than bundles and devices in use: it is left out where it is false, so
        that their digests stay true.
        """
        values = asdict(self)
        if not self.sevens:
            del values["sevens"]
        return "".join(f"{name} = {str(value).lower()}\n" for name, value in values.items())

    @classmethod
    def from_toml(cls, text: str) -> "CodecConfig":
        """Read a configuration from TOML; fields left out keep their defaults.

        What is wrong with a field is told with its line.
        """
        try:
            table = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise ValueError(f"configuration must be TOML: {error}") from None
        try:
            return cls.from_dict(table)
        except ValueError as error:
            raise ValueError(f"{_line(text, str(error))}{error}") from None

    @classmethod
    def from_dict(cls, table: dict[str, Any]) -> "CodecConfig":
        """Build a configuration from names and values; a name that is none says the nearest."""
        names = [field.name for field in fields(cls)]
        for key in table:
            if key not in names:
                near = difflib.get_close_matches(str(key).lower(), names, n=1, cutoff=0.0)[0]
                raise ValueError(f"configuration has no field {key!r}; the nearest is {near!r}")
        try:
            return cls(**table)
        except TypeError as error:  # of a file, it is a wrong value as any other
            raise ValueError(str(error)) from None

    @classmethod
    def load(cls, path: str | Path) -> "CodecConfig":
        """Read a configuration from a TOML file; errors name the file."""
        with naming(str(path)):
            try:
                text = Path(path).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                raise ValueError("configuration must be text in UTF-8") from None
            return cls.from_toml(text)


def _line(text: str, error: str) -> str:
    """Tell the line of the field that an error begins with, or that is none, if there is one."""
    for number, line in enumerate(text.splitlines(), 1):
        key = line.partition("=")[0].strip(" \t[]\"'")
        if key and (error.startswith(f"{key} ") or f"no field {key!r};" in error):
            return f"line {number}: "
    return ""


PRESETS = {
    "pocket": CodecConfig(
        tile=4, channels=16, tables=8, word_width=16, memory_words=64, multiplier_width=16
    ),
    "tiny": CodecConfig(channels=8, tables=4, word_width=16, memory_words=64, multiplier_width=16),
    "standard": CodecConfig(),
    "demo": CodecConfig(channels=32, tables=32),
    "precise": CodecConfig(sample_width=16, sample_signed=True, word_width=64),
    "video": CodecConfig(sample_width=9, sample_signed=True, channels=4, tables=4),
}
"""Configurations with a name: tiles of 4 for the iCE40, the smallest with tiles of 8, the default,
the demo, 16-bit, IEEE 1180's 9-bit."""


def named(text: str) -> CodecConfig:
    """Return the preset called *text*, or the configuration in the file of that name."""
    if text in PRESETS:
        return PRESETS[text]
    if not Path(text).is_file():
        raise ValueError(
            f"configuration must be a TOML file or one of {', '.join(PRESETS)}, not {text!r}"
        )
    return CodecConfig.load(text)


def preset(name: str) -> CodecConfig:
    """Return the preset called *name*."""
    if name not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, not {name!r}")
    return PRESETS[name]
