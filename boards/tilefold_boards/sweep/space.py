"""The space of a sweep: what is to be measured, read from TOML.

::

    [[space]]
    blocks = ["dct", "encoder"]
    parts = ["ecp5-85f"]        # the default
    seeds = 3                   # or a list; 0 only packs, for areas
    freq_mhz = 200              # the default is the part's

    [space.config]
    preset = "standard"         # where the other fields come from; this is the default
    tile = [4, 8]               # each combination of what is in lists
    sample_width = [8, 12, 16]

A file may have several; what two of them have in common is measured once. Combinations that are no
configuration are left out, and told.
"""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from itertools import product
from pathlib import Path
from typing import Any

from tilefold_hw.check import naming
from tilefold_hw.config import PRESETS, CodecConfig, preset

from ..blocks import BLOCKS, block
from ..parts import PARTS, part
from ..route import PACK

_SEEDS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Point:
    """One thing to measure: a block of a configuration on a part, with one seed."""

    block: str
    config: CodecConfig
    part: str
    freq_mhz: float
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self)

    @property
    def circuit(self) -> str:
        """What has the same text for points with the same circuit: all but clock and seed."""
        return json.dumps([self.block, self.part, asdict(self.config)], sort_keys=True)


@dataclass(frozen=True, slots=True)
class Space:
    """Points, each once, in the order of the file."""

    points: tuple[Point, ...]
    #: Combinations that were left out, and why.
    left_out: tuple[str, ...]


def load(path: Path) -> Space:
    """Read the space in a TOML file; errors name the file."""
    with naming(str(path)):
        try:
            return parse(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            raise ValueError("space must be text in UTF-8") from None


def parse(text: str) -> Space:
    """Read a space from TOML."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"space must be TOML: {error}") from None
    _only(table, {"space"}, "file")
    return spaces(table.get("space"))


def spaces(tables: Any) -> Space:
    """Read a space from the tables ``[[space]]`` of a file."""
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise ValueError("file must have one or more tables [[space]]")
    points: dict[Point, None] = {}
    left_out: dict[str, None] = {}
    for each in tables:
        _read(each, points, left_out)
    if not points:
        raise ValueError(f"space must have a configuration: {'; '.join(left_out)}")
    return Space(tuple(points), tuple(left_out))


def _read(table: dict[str, Any], points: dict[Point, None], left_out: dict[str, None]) -> None:
    _only(table, {"blocks", "parts", "seeds", "freq_mhz", "config"}, "space")
    blocks = [block(_text(name, "blocks")) for name in _list(table, "blocks", tuple(BLOCKS))]
    parts = [part(_text(name, "parts")) for name in _list(table, "parts", next(iter(PARTS)))]
    seeds = _seeds(table.get("seeds", 3))
    freq = table.get("freq_mhz")
    if freq is not None and (type(freq) not in (int, float) or not 1 <= freq <= 1000):
        raise ValueError(f"freq_mhz must be 1 to 1000, not {freq!r}")
    for config in _configs(table.get("config", {}), left_out):
        for it, where in product(blocks, parts):
            try:
                it.per_clock(config)
            except ValueError as error:
                left_out[str(error)] = None
                continue
            clock = float(freq or where.freq_mhz)
            for seed in seeds:
                points[Point(it.name, config, where.name, clock, seed)] = None


def _configs(table: Any, left_out: dict[str, None]) -> Iterator[CodecConfig]:
    if not isinstance(table, dict):
        raise ValueError(f"config must be a table, not {table!r}")
    names = [field.name for field in fields(CodecConfig)]
    _only(table, {"preset", *names}, "config")
    axes = [name for name in table if name != "preset"]
    for chosen in _list(table, "preset", "standard"):
        if chosen not in PRESETS:
            raise ValueError(f"preset must be one of {', '.join(PRESETS)}, not {chosen!r}")
        base = asdict(preset(chosen))
        for values in product(*(_list(table, name) for name in axes)):
            try:
                yield CodecConfig(**base | dict(zip(axes, values, strict=True)))
            except ValueError as error:
                left_out[str(error)] = None


def _seeds(value: Any) -> list[int]:
    seeds = value
    if type(value) is int and value >= 0:
        seeds = list(range(1, value + 1)) if value else [PACK]
    if (
        not isinstance(seeds, list)
        or not seeds
        or not all(type(seed) is int and 0 <= seed <= _SEEDS_MAX for seed in seeds)
        or len(seeds) > _SEEDS_MAX
    ):
        raise ValueError(
            f"seeds must be a number up to {_SEEDS_MAX} or a list of such, not {value!r}"
        )
    return seeds


def _list(table: dict[str, Any], name: str, default: Any = ()) -> list[Any]:
    value = table.get(name, default)
    values = list(value) if isinstance(value, list | tuple) else [value]
    if not values:
        raise ValueError(f"{name} must have a value, not an empty list")
    return values


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be text or a list of it, not {value!r}")
    return value


def _only(table: dict[str, Any], names: set[str], what: str) -> None:
    for name in table:
        if name not in names:
            raise ValueError(f"{what} must have only {', '.join(sorted(names))}, not {name!r}")
