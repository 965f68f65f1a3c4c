"""Records as JSON: frozen dataclasses to plain data, and back with every type checked."""

import json
import math
import reprlib
import types
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def dump(record: Any) -> str:
    """Write a record as JSON, the same text for the same record."""
    return json.dumps(asdict(record), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def parse(kind: type[T], text: str) -> T:
    """Read what :func:`dump` wrote of a record of this kind.

    Its fields may be ``str``, ``int``, ``float``, ``bool`` and ``None``, unions of them, tuples
    ``tuple[X, ...]``, mappings from ``str``, and dataclasses of all that.

    Raises
    ------
    ValueError, TypeError
        If *text* is not JSON, or something in it is missing, strange, or of another type. The
        message tells where: ``layers[3].words must be int, not '17'``.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{kind.__name__.lower()} must be JSON: {error}") from None
    record: T = _read(kind, data, kind.__name__.lower())
    return record


def _read(kind: Any, data: Any, where: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _read_record(kind, data, where)
    if origin is tuple:
        if not isinstance(data, list):
            raise TypeError(f"{where} must be a list, not {reprlib.repr(data)}")
        return tuple(_read(arguments[0], each, f"{where}[{n}]") for n, each in enumerate(data))
    if origin is Mapping:
        if not isinstance(data, dict):
            raise TypeError(f"{where} must be an object, not {reprlib.repr(data)}")
        return {
            name: _read(arguments[1], each, f"{where}[{name!r}]") for name, each in data.items()
        }
    choices = arguments if origin in (Union, types.UnionType) else (kind,)
    if type(data) in choices:
        if isinstance(data, float) and not math.isfinite(data):
            raise ValueError(f"{where} must be finite, not {data}")
        return data
    if type(data) is int and float in choices:
        return float(data)  # as other writers write 3.0
    names = " or ".join("null" if each is type(None) else each.__name__ for each in choices)
    raise TypeError(f"{where} must be {names}, not {reprlib.repr(data)}")


def _read_record(kind: Any, data: Any, where: str) -> Any:
    names = [each.name for each in fields(kind)]
    if not isinstance(data, dict) or data.keys() != set(names):
        raise ValueError(f"{where} must have {', '.join(names)}, not {reprlib.repr(data)}")
    hints = get_type_hints(kind)
    inside = {name: _read(hints[name], data[name], f"{where}.{name}") for name in names}
    try:
        return kind(**inside)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
