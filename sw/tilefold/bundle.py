"""Bundle: all that a network needs to run on one configuration, in one safetensors file.

It holds the configuration, a layer for every stored map (tables, clip, projections), and tensors of
the network itself, such as folded weights. Safetensors is data alone: nothing in it can run.
"""

import hashlib
import json
import math
import os
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Clip, Layer, Projection
from tilefold_hw.table import Table

from .files import write_whole
from .model.tiles import group_count

FORMAT = "tilefold-bundle 1"
"""What the metadata of a bundle says it is. The number changes with the layout.

Tensors are called ``network/NAME`` and ``site/SITE/PART``."""

_SITE = {
    "name": str,
    "height": int,
    "width": int,
    "scale": float,
    "zero": int,
    "clip": list,
    "project_clip": list,
    "expand_clip": list,
}

# Of a layer that chooses the size of its tiles, too.
_TILED = {**_SITE, "tile": int}

_PROJECTION = {
    "weights": (np.int8, 2),
    "biases": (np.int32, 1),
    "scales": (np.uint16, 1),
    "shifts": (np.uint8, 1),
}


@dataclass(frozen=True, slots=True)
class Site:
    """A stored map of a network: its size, its quantisation, and the layer that stores it."""

    #: The network's own name for it.
    name: str
    #: Pixels, without padding.
    height: int
    width: int
    #: A sample *q* stands for ``scale · (q - zero)``.
    scale: float
    zero: int
    #: Tables, clip and projections.
    layer: Layer

    @property
    def values(self) -> int:
        """Values of the map, padding not counted."""
        return self.layer.channels * self.height * self.width

    def check(self, config: CodecConfig) -> None:
        """Raise ``ValueError`` or ``TypeError``, naming the site, unless *config* can run it."""
        try:
            if self.height < 1 or self.width < 1:
                raise ValueError(f"map must have pixels, not {self.height} × {self.width}")
            groups = group_count(self.height, self.width, self.layer.on(config).tile)
            if self.layer.groups != groups:
                raise ValueError(
                    f"groups must be {groups}, the tiles of {self.height} × {self.width} pixels, "
                    f"not {self.layer.groups}"
                )
            if not (math.isfinite(self.scale) and self.scale > 0):
                raise ValueError(f"scale must be finite and more than 0, not {self.scale}")
            if not config.sample.min <= self.zero <= config.sample.max:
                raise ValueError(
                    f"zero must be {config.sample.min} to {config.sample.max}, not {self.zero}"
                )
            self.layer.check(config)
        except (ValueError, TypeError) as error:
            raise type(error)(f"site {self.name!r}: {error}") from None


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A network on a configuration."""

    config: CodecConfig
    #: Stored maps in the order in which the network makes them.
    sites: tuple[Site, ...]
    #: Tensors of the network, by name.
    tensors: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def site(self, name: str) -> Site:
        """Return the site called *name*."""
        for site in self.sites:
            if site.name == name:
                return site
        known = ", ".join(site.name for site in self.sites)
        raise ValueError(f"site must be one of {known}, not {name!r}")

    def check(self) -> None:
        """Raise ``ValueError`` or ``TypeError`` unless every site fits the configuration."""
        names = [site.name for site in self.sites]
        for name in names:
            if not name or "/" in name or names.count(name) > 1:
                raise ValueError(f"site must have a name of its own without '/', not {name!r}")
        for site in self.sites:
            site.check(self.config)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the bundle; *path* is replaced as a whole or not at all."""
        self.check()
        tensors = {
            f"network/{name}": np.ascontiguousarray(tensor) for name, tensor in self.tensors.items()
        }
        for site in self.sites:
            tensors |= _layer_tensors(site)
        metadata = {
            "format": FORMAT,
            "config": self.config.to_toml(),
            "digest": self.config.digest,
            "sites": json.dumps([_site_record(site) for site in self.sites]),
        }
        metadata["checksum"] = checksum(metadata["sites"], tensors)
        write_whole(path, save(tensors, metadata))

    @classmethod
    def load(cls, path: str | os.PathLike[str], config: CodecConfig | None = None) -> "Bundle":
        """Read a bundle and check all of it.

        Parameters
        ----------
        path : path
        config : CodecConfig, optional
            The configuration it must be for: that of the hardware at hand.

        Raises
        ------
        ValueError
            If the file is no bundle, is damaged, or is for another configuration; the message
            names the file.
        """
        data = Path(path).read_bytes()
        try:
            return cls._parse(data, config)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{os.fspath(path)}: {error}") from None

    @classmethod
    def _parse(cls, data: bytes, config: CodecConfig | None) -> "Bundle":
        metadata = _metadata(data)
        if metadata.get("format") != FORMAT:
            raise ValueError(f"bundle must say {FORMAT!r}, not {metadata.get('format')!r}")
        made_for = CodecConfig.from_toml(metadata.get("config", ""))
        if metadata.get("digest") != made_for.digest:
            raise ValueError("bundle must carry the digest of its configuration; it was changed")
        if config is not None and made_for != config:
            raise ValueError(
                f"bundle must be for configuration {config.digest[:12]}, "
                f"not {made_for.digest[:12]} ({_difference(config, made_for)}): "
                "calibrate again for this one"
            )
        try:
            tensors = load(data)
        except (SafetensorError, KeyError) as error:  # KeyError: a type that NumPy lacks
            raise ValueError(f"bundle must be a whole safetensors file: {error}") from None
        if metadata.get("checksum") != checksum(metadata.get("sites", ""), tensors):
            raise ValueError("bundle must match its checksum; it is damaged")
        sites = tuple(_site(record, tensors, made_for) for record in _records(metadata))
        network = {
            name.removeprefix("network/"): tensor
            for name, tensor in tensors.items()
            if name.startswith("network/")
        }
        for name, tensor in network.items():
            if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
                raise ValueError(f"tensor {name!r} must be finite")
        bundle = cls(made_for, sites, network)
        bundle.check()
        wanted = {f"network/{name}" for name in network}.union(*map(_layer_tensors, sites))
        if strays := tensors.keys() - wanted:
            raise ValueError(f"bundle must hold no tensor {reprlib.repr(min(strays))}")
        return bundle


def checksum(sites: str, tensors: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of the sites and of every tensor's name, type, shape and bytes, in hex."""
    total = hashlib.sha256(sites.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(json.dumps([name, str(tensor.dtype), tensor.shape]).encode())
        total.update(tensor.tobytes())
    return total.hexdigest()


def _metadata(data: bytes) -> dict[str, str]:
    """Metadata of a safetensors file: a length, then a header in JSON."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > len(data) - 8:
        raise ValueError(
            f"bundle must be a whole safetensors file, not one cut at {len(data)} bytes"
        )
    try:
        metadata = json.loads(data[8 : 8 + size]).get("__metadata__", {})
    except (ValueError, AttributeError, RecursionError):
        raise ValueError("bundle must be a safetensors file; its header is not") from None
    if not isinstance(metadata, dict) or not all(isinstance(x, str) for x in metadata.values()):
        raise ValueError("metadata of a bundle must be strings by name")
    return metadata


def _records(metadata: Mapping[str, str]) -> list[dict[str, Any]]:
    try:
        records = json.loads(metadata["sites"])
    except (KeyError, ValueError, RecursionError):
        raise ValueError("bundle must list its sites in JSON") from None
    if not isinstance(records, list):
        raise ValueError(f"sites must be a list, not {reprlib.repr(records)}")
    for record in records:
        if not isinstance(record, dict) or record.keys() | {"tile"} != _TILED.keys():
            raise ValueError(f"site must have {', '.join(_SITE)}, not {reprlib.repr(record)}")
        for name in record:
            if type(record[name]) is not (kind := _TILED[name]):
                raise TypeError(
                    f"{name} of a site must be {kind.__name__}, not {reprlib.repr(record[name])}"
                )
    return records


def _site_record(site: Site) -> dict[str, Any]:
    layer = site.layer
    clips = {
        "clip": layer.clip,
        "project_clip": layer.project.clip if layer.project else Clip(),
        "expand_clip": layer.expand.clip if layer.expand else Clip(),
    }
    return {
        "name": site.name,
        "height": site.height,
        "width": site.width,
        "scale": float(site.scale),
        "zero": site.zero,
        **{name: [clip.low, clip.high] for name, clip in clips.items()},
        **({} if layer.tile is None else {"tile": layer.tile}),
    }


def _site(record: dict[str, Any], tensors: Mapping[str, NDArray[Any]], config: CodecConfig) -> Site:
    name = record["name"]

    def tensor(key: str, dtype: type, dimensions: int) -> NDArray[Any]:
        found = tensors.get(f"site/{name}/{key}")
        if found is None or found.dtype != dtype or found.ndim != dimensions:
            kind = "missing" if found is None else f"{found.dtype}{list(found.shape)}"
            wanted = f"{np.dtype(dtype)}[{', '.join('n' * dimensions)}]"
            raise ValueError(f"{key} of site {name!r} must be {wanted}, not {kind}")
        return found

    widths, shifts = tensor("widths", np.uint8, 2), tensor("shifts", np.uint8, 2)
    if widths.shape != shifts.shape:
        raise ValueError(
            f"shifts of site {name!r} must have the shape of its widths, "
            f"{list(widths.shape)}, not {list(shifts.shape)}"
        )
    tables = tuple(
        Table(tuple(w), tuple(s)) for w, s in zip(widths.tolist(), shifts.tolist(), strict=True)
    )

    def projection(key: str) -> Projection | None:
        if f"site/{name}/{key}/weights" not in tensors:
            return None
        parts = {
            part: tensor(f"{key}/{part}", dtype, dimensions).tolist()
            for part, (dtype, dimensions) in _PROJECTION.items()
        }
        return Projection(
            weights=tuple(map(tuple, parts["weights"])),
            biases=tuple(parts["biases"]),
            scales=tuple(parts["scales"]),
            shifts=tuple(parts["shifts"]),
            clip=_clip(record[f"{key}_clip"]),
        )

    tile = record.get("tile")
    layer = Layer(
        groups=group_count(record["height"], record["width"], tile or config.tile),
        tables=tables,
        index=tuple(tensor("index", np.uint16, 1).tolist()),
        clip=_clip(record["clip"]),
        project=projection("project"),
        expand=projection("expand"),
        tile=tile,
    )
    sizes = {key: record[key] for key in ("height", "width", "scale", "zero")}
    return Site(name=name, layer=layer, **sizes)


def _clip(limits: list[Any]) -> Clip:
    if len(limits) != 2 or any(type(limit) not in (int, type(None)) for limit in limits):
        raise ValueError(f"clip must be two integers or null, not {reprlib.repr(limits)}")
    return Clip(*limits)


def _layer_tensors(site: Site) -> dict[str, NDArray[Any]]:
    layer = site.layer
    tensors: dict[str, NDArray[Any]] = {
        "widths": np.array([table.widths for table in layer.tables], dtype=np.uint8),
        "shifts": np.array([table.shifts for table in layer.tables], dtype=np.uint8),
        "index": np.array(layer.index, dtype=np.uint16),
    }
    for key, projection in (("project", layer.project), ("expand", layer.expand)):
        if projection:
            for part, (dtype, _) in _PROJECTION.items():
                tensors[f"{key}/{part}"] = np.array(getattr(projection, part), dtype=dtype)
    return {f"site/{site.name}/{key}": tensor for key, tensor in tensors.items()}


def _difference(config: CodecConfig, other: CodecConfig) -> str:
    """The fields in which two configurations differ."""
    ours, theirs = asdict(config), asdict(other)
    return ", ".join(
        f"{name} = {str(value).lower()}" for name, value in theirs.items() if value != ours[name]
    )
