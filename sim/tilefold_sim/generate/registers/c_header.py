"""The register map of a core as a C header: macros alone, for C99 and C++."""

from collections.abc import Iterator

from tilefold_hw.core import CoreConfig, Window
from tilefold_hw.fields import Field
from tilefold_hw.regs import Memory, Register

from .words import ACCESSES, LOADING, MEMORY_ACCESS, ascii_only, register_doc

_LEAD = """\
Offsets count bytes from the core's base address; a side's own offsets, as the driver and
tilefold export count them, begin at its BASE. Of a register there is its OFFSET, its BITS, its
RESET where it is known, and of each of its named bits MASK and SHIFT; a register without names has
a MASK of its own. A memory has DEPTH words of four bytes, BITS of which are used, in groups of
STRIDE bytes."""


def c_header(core: CoreConfig) -> str:
    """Describe the registers of a core as macros, whose prefix is the module's name.

    Every value is an unsigned constant that the preprocessor can compute with.
    """
    prefix = core.module.upper()
    guard = f"{prefix}_REGISTERS_H"
    lines = [
        f"/* Registers of {core.module}.",
        " *",
        *(f" * {line}" for line in _LEAD.splitlines()),
        " *",
        *(f" * {line}" for line in LOADING.splitlines()),
        " */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        "/* What the core is built with. */",
        *_defines(prefix, _constants(core)),
        "",
        "/* SHA-256 of the configuration, in words, the first hex digits first. */",
        *_defines(prefix, _digest(core)),
    ]
    for window in core.windows:
        side = f"{prefix}_{window.side.upper()}"
        lines += ["", f"/* The {window.side}: where it begins, and its bytes. */"]
        lines += _defines(side, {"BASE": hex(window.base), "SIZE": hex(window.size)})
        for register in window.regs.registers:
            lines += ["", *_register(side, window, register)]
        for memory in window.regs.memories:
            lines += ["", *_memory(side, window, memory)]
    return "\n".join([*lines, "", f"#endif /* {guard} */", ""])


def _constants(core: CoreConfig) -> dict[str, str]:
    codec = core.codec
    return {
        "SIZE": hex(1 << core.address_width),
        "SAMPLE_WIDTH": str(codec.sample_width),
        "SAMPLE_SIGNED": str(int(codec.sample_signed)),
        "TILE": str(codec.tile),
        "LANES": str(codec.lanes),
        "CHANNELS": str(codec.channels),
        "TABLES": str(codec.tables),
        "WORD_WIDTH": str(codec.word_width),
    }


def _digest(core: CoreConfig) -> dict[str, str]:
    digest = core.codec.digest
    return {f"DIGEST_{n}": f"0x{digest[8 * n : 8 * n + 8]}" for n in range(8)}


def _register(side: str, window: Window, register: Register) -> Iterator[str]:
    name = f"{side}_{register.name.upper()}"
    yield f"/* {ascii_only(register_doc(register))} {ACCESSES[register.access].capitalize()}. */"
    known = {"OFFSET": hex(window.byte(register.address)), "BITS": str(register.width)}
    if register.reset is not None:
        known["RESET"] = hex(register.reset)
    if not register.fields:
        known["MASK"] = hex((1 << register.width) - 1)
    yield from _defines(name, known)
    yield from _fields(name, register.fields)


def _memory(side: str, window: Window, memory: Memory) -> Iterator[str]:
    name = f"{side}_{memory.name.upper()}"
    yield f"/* {ascii_only(memory.doc)} {MEMORY_ACCESS.capitalize()}. */"
    known = {
        "OFFSET": hex(window.byte(memory.address)),
        "DEPTH": str(memory.depth),
        "BITS": str(memory.width),
        "STRIDE": str(4 * memory.stride),
    }
    if not memory.fields:
        known["MASK"] = hex((1 << memory.width) - 1)
    yield from _defines(name, known)
    yield from _fields(name, memory.fields)


def _fields(name: str, fields: tuple[Field, ...]) -> Iterator[str]:
    for field in fields:
        yield f"/* {ascii_only(field.doc)} */"
        place = {"MASK": hex(field.mask), "SHIFT": str(field.lsb)}
        yield from _defines(f"{name}_{field.name.upper()}", place)


def _defines(prefix: str, values: dict[str, str]) -> Iterator[str]:
    for name, value in values.items():
        yield f"#define {prefix}_{name} {value}u"
