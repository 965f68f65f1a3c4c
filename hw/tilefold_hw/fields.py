"""Named bits of registers, and which they are in those that both sides have."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """Bits of a register, or of a word of a memory, that have a name."""

    name: str
    lsb: int
    width: int
    doc: str

    @property
    def mask(self) -> int:
        """Its bits, where they lie."""
        return ((1 << self.width) - 1) << self.lsb


VERSION = (
    Field("side", 8, 8, "0x0E of an encoder, 0x0D of a decoder, 0x0A of a projector."),
    Field("map", 16, 16, "Version of this map."),
)

STATUS = (
    Field("pending", 0, 1, "A commit waits for a packet to start."),
    Field(
        "busy",
        1,
        1,
        "The shadow bank may not be written: a commit is pending, or data of the bank before is "
        "still inside.",
    ),
    Field("configured", 2, 1, "A layer has been committed."),
)

CONTROL = (
    Field("commit", 0, 1, "Take the shadow bank into use, from the next packet on."),
    Field("clear", 1, 1, "Zero the counters."),
)

ERRORS = (
    Field(
        "refused",
        0,
        1,
        "A write or commit while busy was ignored. Commits are refused until this is cleared.",
    ),
    Field("framing", 1, 1, "A packet did not have the number of words that its settings promise."),
)
