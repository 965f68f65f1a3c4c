"""The register map of a core as a page of Markdown."""

from collections.abc import Iterable, Iterator

from tilefold_hw.core import CoreConfig, Window
from tilefold_hw.fields import Field
from tilefold_hw.regs import Memory, Register

from .words import ACCESSES, LOADING, register_doc


def markdown(core: CoreConfig) -> str:
    """Describe the registers of a core as a page of Markdown: a table of each side, and of bits."""
    return "\n".join(_page(core)) + "\n"


def _page(core: CoreConfig) -> Iterator[str]:
    yield f"# Registers of `{core.module}`"
    yield ""
    yield f"Configuration `{core.codec.digest}`."
    yield ""
    yield "Addresses count bytes from the core's base address. Every register and every word of a"
    yield "memory has four: word n of a memory is at its address + 4 · n. Bits that a register does"
    yield "not have are ignored when written, and read as zero or as the sign."
    yield ""
    yield (
        LOADING.replace("control.commit", "`control.commit`")
        .replace("status.busy", "`status.busy`")
        .replace("errors.refused", "`errors.refused`")
    )
    for window in core.windows:
        yield ""
        yield from _side(window)


def _side(window: Window) -> Iterator[str]:
    regs = window.regs
    digits = len(f"{window.base + window.size - 1:x}")

    def address(word: int) -> str:
        return f"`0x{window.byte(word):0{digits}x}`"

    last = window.base + window.size - 1
    yield f"## {window.side.capitalize()}: `0x{window.base:0{digits}x}` to `0x{last:0{digits}x}`"
    yield ""
    head = ("address", "register", "bits", "access", "reset", "what it is")
    yield from _table(head, (_register(address, each) for each in regs.registers))
    for register in regs.registers:
        if register.fields:
            yield from ("", f"Bits of `{register.name}`:", "")
            yield from _bits(register.fields)
    yield from ("", "Memories, write only and shadowed:", "")
    head = ("address", "memory", "words", "bits", "bytes of a group", "what a word is")
    yield from _table(head, (_memory(address, each) for each in regs.memories))
    for memory in regs.memories:
        if memory.fields:
            yield from ("", f"Bits of a word of `{memory.name}`:", "")
            yield from _bits(memory.fields)


def _register(address, register: Register) -> tuple[str, ...]:
    reset = "" if register.reset is None else f"`{register.reset:#x}`"
    access = "constant" if register.constant else ACCESSES[register.access]
    return (
        address(register.address),
        f"`{register.name}`",
        str(register.width),
        access,
        reset,
        register_doc(register),
    )


def _memory(address, memory: Memory) -> tuple[str, ...]:
    group = str(4 * memory.stride) if memory.stride > 1 else ""
    return (
        address(memory.address),
        f"`{memory.name}`",
        str(memory.depth),
        str(memory.width),
        group,
        memory.doc,
    )


def _bits(fields: tuple[Field, ...]) -> Iterator[str]:
    def place(field: Field) -> str:
        last = field.lsb + field.width - 1
        return str(last) if field.width == 1 else f"{last}:{field.lsb}"

    rows = ((place(field), f"`{field.name}`", field.doc) for field in fields)
    yield from _table(("bits", "name", "what it is"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for cells in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(cells)} |"
