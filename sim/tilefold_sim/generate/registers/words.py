"""What registers are said to be: the words that all forms of the map share."""

from tilefold_hw.regs import Access, Register

ACCESSES = {
    Access.R: "read only",
    Access.RW: "read and write",
    Access.W1: "write ones to act, reads as zero",
    Access.W1C: "write ones to clear",
    Access.SHADOW: "read and write, shadowed",
}
"""What software may do with a register, for people."""

MEMORY_ACCESS = "write only, shadowed"
"""What software may do with a memory, for people."""

LOADING = """\
Settings and memories are shadowed: a write goes to the bank that no packet uses, and a one in
control.commit makes the whole bank take effect with the next packet. What is loaded is therefore
always a whole layer. While status.busy is set, writes to settings and memories are ignored and
errors.refused is raised; commits are then refused, too, until errors.refused is cleared and the
whole layer is written again."""
"""How a layer is loaded, in lines for a comment."""


def ascii_only(text: str) -> str:
    """Spell *text* for files that tools may not read as UTF-8."""
    plain = text.replace(" · ", " * ")
    if not plain.isascii():
        raise ValueError(f"text of the register map must have a spelling in ASCII, not {text!r}")
    return plain


def register_doc(register: Register) -> str:
    """Tell what a register is; of a signed one, how it reads."""
    sign = " Two's complement, read with its sign in all 32 bits." if register.signed else ""
    return register.doc + sign
