"""Payloads of streams as rows of 32-bit parts, which is how a compiled simulation holds them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from amaranth.hdl import Shape, ShapeLike
from amaranth.lib import data
from numpy.typing import NDArray

Parts = NDArray[np.uint32]
"""``uint32[items, parts]``, least significant part first."""

Values = Any
"""Integers, ``int[items]``, up to 64 bits wide; wider ones as ``uint8[items, bytes]``, least
significant byte first; several lanes of narrow ones as ``int[items, lanes]``; or a mapping of
these, a field each."""


def parts(shape: ShapeLike) -> int:
    """Parts of a payload of *shape*."""
    return -(-Shape.cast(shape).width // 32)


def pack(shape: ShapeLike, values: Values) -> Parts:
    """Pack payloads of *shape* into rows; fields that are left out are zero.

    >>> layout = data.StructLayout({"data": 40, "last": 1})
    >>> pack(layout, {"data": np.array([-1, 5]), "last": np.array([0, 1])}).tolist()
    [[4294967295, 255], [5, 256]]
    """
    fields = _fields(shape)
    if not isinstance(values, Mapping):
        if len(fields) != 1:
            raise TypeError(f"payloads must be a mapping of {', '.join(fields)}, not an array")
        values = dict.fromkeys(fields, values)
    if strays := set(values) - set(fields):
        raise ValueError(f"payload has no field {min(strays)!r}, only {', '.join(fields)}")
    count = len(next(iter(values.values())))
    rows = np.zeros((count, parts(shape) + 1), dtype=np.uint32)  # one to spare for what is shifted
    for name, value in values.items():
        offset, field = fields[name]
        for place, element in _elements(offset, field):
            lane = value[:, (place - offset) // element.width] if _has_lanes(field) else value
            _write(rows, place, element, np.asarray(lane))
    return np.ascontiguousarray(rows[:, :-1])


def unpack(shape: ShapeLike, rows: Parts) -> Values:
    """Unpack rows into payloads of *shape*: the inverse of :func:`pack`.

    >>> layout = data.StructLayout({"data": 40, "last": 1})
    >>> unpack(layout, np.array([[4294967295, 255], [5, 256]], dtype=np.uint32))["data"].tolist()
    [1099511627775, 5]
    """
    fields = {}
    for name, (offset, field) in _fields(shape).items():
        lanes = [_read(rows, *element) for element in _elements(offset, field)]
        fields[name] = np.stack(lanes, axis=1) if _has_lanes(field) else lanes[0]
    return fields if _has_fields(shape) else next(iter(fields.values()))


def _fields(shape: ShapeLike) -> dict[str, tuple[int, ShapeLike]]:
    """Offset and shape of every field; a payload without fields is one, called ``payload``."""
    if _has_fields(shape):
        return {str(name): (field.offset, field.shape) for name, field in shape}
    return {"payload": (0, shape)}


def _has_fields(shape: ShapeLike) -> bool:
    return isinstance(shape, data.StructLayout) and not _has_lanes(shape)


def _has_lanes(shape: ShapeLike) -> bool:
    """Whether *shape* is what :func:`tilefold_gateware.streams.laned` makes of several lanes."""
    return isinstance(shape, data.StructLayout) and all(
        str(name).startswith("lane_") for name, _ in shape
    )


def _elements(offset: int, shape: ShapeLike) -> list[tuple[int, Shape]]:
    """Offset and shape of all lanes, or of the one thing that has none."""
    if _has_lanes(shape):
        return [(offset + field.offset, Shape.cast(field.shape)) for _, field in shape]
    return [(offset, Shape.cast(shape))]


def _write(rows: Parts, offset: int, shape: Shape, values: NDArray[Any]) -> None:
    """Put *values* of *shape* into *rows*, which are zero there."""
    first, shift = divmod(offset, 32)
    for n, part in enumerate(_split(values, shape.width)):
        wide = part.astype(np.uint64) << np.uint64(shift)
        rows[:, first + n] |= wide.astype(np.uint32)
        if shift:
            rows[:, first + n + 1] |= (wide >> np.uint64(32)).astype(np.uint32)


def _split(values: NDArray[Any], width: int) -> list[NDArray[Any]]:
    """Parts of *values*, cut to *width* bits."""
    count = -(-width // 32)
    if values.ndim == 2:
        padded = np.zeros((len(values), 4 * count), dtype=np.uint8)
        padded[:, : values.shape[1]] = values
        split = list(padded.view("<u4").T)
    else:
        wide = values.astype(np.int64)
        split = [(wide >> (32 * n)) & 0xFFFFFFFF for n in range(min(count, 2))]
    if width % 32:
        split[-1] = split[-1] & ((1 << width % 32) - 1)
    return split


def _read(rows: Parts, offset: int, shape: Shape) -> NDArray[Any]:
    first, shift = divmod(offset, 32)
    taken = []
    for n in range(-(-shape.width // 32)):
        part = rows[:, first + n] >> np.uint32(shift)
        if shift and first + n + 1 < rows.shape[1]:
            part = part | rows[:, first + n + 1] << np.uint32(32 - shift)
        taken.append(part)
    if shape.width % 32:
        taken[-1] = taken[-1] & np.uint32((1 << shape.width % 32) - 1)
    if shape.width > 64:
        count = -(-shape.width // 8)
        return np.stack(taken, axis=1).astype("<u4").view(np.uint8)[:, :count]
    value = np.zeros(len(rows), dtype=np.uint64)
    for n, part in enumerate(taken):
        value |= part.astype(np.uint64) << np.uint64(32 * n)
    if shape.signed:
        unused = 64 - shape.width
        return value.view(np.int64) << unused >> unused
    return value.view(np.int64) if shape.width < 64 else value
