"""The register map of a core in JSON, for programs."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from tilefold_hw.core import CoreConfig, Window
from tilefold_hw.fields import Field
from tilefold_hw.regs import Access, Memory, Register

FORMAT = "tilefold-registers 1"
"""What the document says it is. The number changes with its layout."""

# Words for programs: they stay as they are while the format does.
_ACCESSES = {
    Access.R: "read",
    Access.RW: "read-write",
    Access.W1: "write-one-to-act",
    Access.W1C: "write-one-to-clear",
    Access.SHADOW: "shadow",
}


def json_map(core: CoreConfig) -> str:
    """Describe the registers of a core as a JSON document.

    An ``address`` counts bytes from the first of the core, an ``offset`` from the first of its
    side; widths and positions are in bits, a ``stride`` is in bytes, a ``depth`` in words of four
    bytes.
    """
    document = {
        "format": FORMAT,
        "module": core.module,
        "block": core.block,
        "bus": core.bus,
        "address_width": core.address_width,
        "digest": core.codec.digest,
        "config": asdict(core.codec),
        "sides": [_side(window) for window in core.windows],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _side(window: Window) -> dict[str, Any]:
    return {
        "side": window.side,
        "address": window.base,
        "size": window.size,
        "registers": [_register(window, register) for register in window.regs.registers],
        "memories": [_memory(window, memory) for memory in window.regs.memories],
    }


def _register(window: Window, register: Register) -> dict[str, Any]:
    return {
        "name": register.name,
        "address": window.byte(register.address),
        "offset": 4 * register.address,
        "width": register.width,
        "signed": register.signed,
        "access": _ACCESSES[register.access],
        "shadowed": register.access is Access.SHADOW,
        "constant": register.constant,
        "reset": register.reset,
        "doc": register.doc,
        "fields": _fields(register.fields),
    }


def _memory(window: Window, memory: Memory) -> dict[str, Any]:
    return {
        "name": memory.name,
        "address": window.byte(memory.address),
        "offset": 4 * memory.address,
        "depth": memory.depth,
        "width": memory.width,
        "stride": 4 * memory.stride,
        "access": "write",
        "shadowed": True,
        "doc": memory.doc,
        "fields": _fields(memory.fields),
    }


def _fields(fields: Iterable[Field]) -> list[dict[str, Any]]:
    return [asdict(field) for field in fields]
