"""The register map of a core in SystemRDL 2.0."""

import textwrap
from collections.abc import Iterator

from tilefold_hw.core import CoreConfig, Window
from tilefold_hw.fields import Field
from tilefold_hw.regs import Access, Memory, Register

from .words import LOADING, ascii_only, register_doc

# SystemRDL has no word for either. The guard lets files of several cores be compiled together.
_PROPERTIES = """\
`ifndef TILEFOLD_RDL_PROPERTIES
`define TILEFOLD_RDL_PROPERTIES
// Written to the bank that no packet uses; in effect after a commit.
property tilefold_shadow { type = boolean; component = reg | mem; default = false; };
// Two's complement.
property tilefold_signed { type = boolean; component = field; default = false; };
`endif
"""

# What software and hardware do with a field.
_ACTIONS = {
    Access.R: "sw = r; hw = w;",
    Access.RW: "sw = rw; hw = r;",
    Access.W1: "sw = rw; hw = r; singlepulse;",
    Access.W1C: "sw = rw; onwrite = woclr; hw = r; hwset;",
    Access.SHADOW: "sw = rw; hw = r;",
}

_KEYWORDS = """
abstract accesstype addressingtype addrmap alias all bit boolean bothedge compact component
componentwidth constraint default encode enum external false field fullalign hw inside internal
level longint mem na negedge nonsticky number onreadtype onwritetype posedge property r rclr ref
reg regalign regfile rset ruser rw rw1 signal string struct sw this true type unsigned w w1 wclr
woclr woset wot wr wset wuser wzc wzs wzt
"""


def system_rdl(core: CoreConfig) -> str:
    """Describe the registers of a core in SystemRDL.

    The core is an ``addrmap`` that holds one ``addrmap`` a side with its registers, and beside it
    the side's memories, ``external``, called after side and memory: IP-XACT, which is made of it,
    has no memories inside other blocks. A word of a memory is an ``entry`` of four bytes.
    """
    lines = [
        f"// Registers of {core.module}. Addresses count bytes.",
        f"// Configuration {core.codec.digest}",
        *(f"// {line}" for line in LOADING.splitlines()),
        "",
        _PROPERTIES,
        f"addrmap {identifier(core.module)} {{",
        f"    name = {_string(core.module)};",
        f"    desc = {_string(f'Tilefold {core.block}, configuration {core.codec.digest}.')};",
        "    default regwidth = 32;",
        "    default accesswidth = 32;",
    ]
    for window in core.windows:
        lines.append("")
        lines += _indented(_side(window))
        for memory in window.regs.memories:
            lines.append("")
            lines += _indented(_memory(window, memory))
    return "\n".join([*lines, "};", ""])


def identifier(name: str) -> str:
    """Name as SystemRDL takes it: one that is a word of the language is escaped."""
    return f"\\{name}" if name in _KEYWORDS.split() else name


def _side(window: Window) -> Iterator[str]:
    yield "addrmap {"
    yield f"    name = {_string(window.side)};"
    yield f"    desc = {_string(f'Registers of the {window.side}.')};"
    for register in window.regs.registers:
        yield from _indented(_register(register))
    yield f"}} {window.side} @ {window.base:#x};"


def _register(register: Register) -> Iterator[str]:
    yield "reg {"
    yield f"    name = {_string(register.name)};"
    yield f"    desc = {_string(register_doc(register))};"
    if register.access is Access.SHADOW:
        yield "    tilefold_shadow;"
    does = "sw = r; hw = na;" if register.constant else _ACTIONS[register.access]
    if register.signed:
        does += " tilefold_signed;"
    for field in register.fields or (Field("value", 0, register.width, ""),):
        yield f"    {_field(field, does, register.reset)}"
    yield f"}} {register.name} @ {4 * register.address:#x};"


def _memory(window: Window, memory: Memory) -> Iterator[str]:
    name = f"{window.side}_{memory.name}"
    yield "external mem {"
    yield f"    name = {_string(name)};"
    yield f"    desc = {_string(memory.doc)};"
    yield f"    mementries = {memory.depth};"
    yield "    memwidth = 32;"
    yield "    sw = w;"
    yield "    tilefold_shadow;"
    yield "    reg {"
    for field in memory.fields or (Field("value", 0, memory.width, ""),):
        yield f"        {_field(field, 'sw = w;')}"
    yield f"    }} entry[{memory.depth}] @ 0x0;"
    yield f"}} {name} @ {window.byte(memory.address):#x};"


def _field(field: Field, does: str, reset: int | None = None) -> str:
    doc = f" desc = {_string(field.doc)};" if field.doc else ""
    bits = f"{field.name}[{field.lsb + field.width - 1}:{field.lsb}]"
    begins = "" if reset is None else f" = {(reset & field.mask) >> field.lsb:#x}"
    return f"field {{ {does}{doc} }} {bits}{begins};"


def _string(text: str) -> str:
    escaped = ascii_only(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _indented(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield textwrap.indent(line, "    ")
