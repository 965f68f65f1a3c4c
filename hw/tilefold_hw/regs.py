"""The register map: what a host can read and write, declared once.

Addresses count 32-bit words. Settings and memories are **shadowed**: a write goes to the bank that
no data uses, and ``control.commit`` makes the whole bank take effect at the start of the next
packet: for an encoder when the packet's first sample is offered, for a decoder when its first word
is taken. The bank that was in use before then becomes the shadow, with what it held two layers ago,
so loading a layer writes all of it: :mod:`tilefold_hw.writes`.

A commit can't be taken back: until a packet has begun on it, ``status.busy`` is set and all writes
are refused. A write that was refused spoils the layer that it belonged to: commits are refused as
well until ``errors.refused`` is cleared and the layer is written again.
"""

from dataclasses import dataclass, replace
from enum import Enum
from itertools import count

from . import fields
from .config import GROUPS_WIDTH, SCALE, SCALE_SHIFT_MAX, WEIGHT, CodecConfig
from .fields import Field
from .fixed import Q
from .layer import bias_format
from .raster import HEIGHT_WIDTH, RasterConfig

ID = 0x544C4644
"""Value of the ``id`` register: "TLFD"."""

ENCODER, DECODER, PROJECTOR = 0x0001_0E00, 0x0001_0D00, 0x0001_0A00
"""Values of the ``version`` register: version of this map, then which side."""

PENDING, BUSY, CONFIGURED = (field.mask for field in fields.STATUS)
"""Bits of ``status``."""

COMMIT, CLEAR = (field.mask for field in fields.CONTROL)
"""Bits of ``control``."""

REFUSED, FRAMING = (field.mask for field in fields.ERRORS)
"""Bits of ``errors``."""


PIXELS_WIDTH = 32
"""Width of the counter of the pixels of a projector's packet."""


class Access(Enum):
    """How a register answers."""

    #: Read only.
    R = "read"
    #: Written, and read back.
    RW = "read and write"
    #: Writing ones acts; reads as zero.
    W1 = "write 1 to act"
    #: Writing ones clears.
    W1C = "write 1 to clear"
    #: Setting of the shadow bank: written, and read back as last written there.
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True)
class Register:
    """One register."""

    name: str
    address: int
    width: int
    access: Access
    doc: str
    signed: bool = False
    #: What is read after a reset, where the map says so.
    reset: int | None = None
    #: It never reads otherwise.
    constant: bool = False
    #: Its bits by name, where they have names of their own.
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """A window of write-only words, one an address, shadowed."""

    name: str
    address: int
    depth: int
    width: int
    doc: str
    #: Addresses from one group of words to the next: the tables, the weights of an input.
    stride: int = 1
    #: Bits of a word by name, where they have names of their own.
    fields: tuple[Field, ...] = ()

    @property
    def address_width(self) -> int:
        """Bits of an address inside the window."""
        return max(1, (self.depth - 1).bit_length())


@dataclass(frozen=True, slots=True)
class RegisterMap:
    """Registers and memories of one side."""

    registers: tuple[Register, ...]
    memories: tuple[Memory, ...]

    @property
    def address_width(self) -> int:
        """Bits of an address."""
        return max(memory.address + memory.depth - 1 for memory in self.memories).bit_length()

    @property
    def settings(self) -> tuple[Register, ...]:
        """The registers that a layer sets."""
        return tuple(reg for reg in self.registers if reg.access is Access.SHADOW)

    def register(self, name: str) -> Register:
        """Return the register called *name*."""
        return next(reg for reg in self.registers if reg.name == name)

    def memory(self, name: str) -> Memory:
        """Return the memory called *name*."""
        return next(memory for memory in self.memories if memory.name == name)


def table_stride(config: CodecConfig) -> int:
    """Addresses from one table to the next: a power of two."""
    return 1 << (config.pixels - 1).bit_length()


def shift_width(config: CodecConfig) -> int:
    """Bits of the shift in a table entry."""
    return config.shift_max.bit_length()


def words_most(config: CodecConfig) -> int:
    """Most words of a packet: of the widest fields, or what a register of 32 bits can tell."""
    groups = (1 << GROUPS_WIDTH) - 1
    bits = groups * config.channels * config.pixels * config.field.width
    return min(-(-bits // config.word_width), (1 << 32) - 1)


def encoder_map(config: CodecConfig, raster: RasterConfig | None = None) -> RegisterMap:
    """Register map of an ``Encoder``."""
    settings = [
        _channels("channels", config, "Stored channels."),
        _Setting("groups", GROUPS_WIDTH, "Tile groups in a packet, at least 1."),
        _Setting(
            "words",
            words_most(config).bit_length(),
            "Words that a packet must have: see the budget.",
        ),
    ]
    settings += [*_sevens(config), *_size(raster)]
    memories = _table_memories(config)
    if config.project_macs:
        settings.append(_channels("inputs", config, "Channels at the projector's input."))
        settings += _clip("project", config.sample)
        memories += _projector_memories(config, config.project_macs, config.sample)
    counters = [
        ("tiles", "Tiles stored."),
        ("words", "Words sent."),
        ("stalls", "Cycles in which a word was ready and not taken."),
        ("saturated", "Coefficients that their width could not hold."),
    ]
    return _register_map(config, ENCODER, counters, settings, memories)


def decoder_map(config: CodecConfig, raster: RasterConfig | None = None) -> RegisterMap:
    """Register map of a ``Decoder``."""
    settings = [
        _channels("channels", config, "Stored channels."),
        _Setting("groups", GROUPS_WIDTH, "Tile groups in a packet, at least 1."),
        *_clip("restore", config.restored),
        *_sevens(config),
        *_size(raster),
    ]
    memories = _table_memories(config)
    if config.expand_macs:
        settings.append(_channels("outputs", config, "Channels at the projector's output."))
        settings += _clip("expand", config.restored)
        memories += _projector_memories(config, config.expand_macs, config.restored)
    counters = [
        ("tiles", "Tiles restored."),
        ("words", "Words received."),
        ("stalls", "Cycles in which a sample was ready and not taken."),
        ("clipped", "Samples that the clip changed."),
    ]
    return _register_map(config, DECODER, counters, settings, memories)


def projector_map(config: CodecConfig, raster: RasterConfig | None = None) -> RegisterMap:
    """Register map of a ``Pointwise``; *raster* is nothing to it."""
    if not config.project_macs:
        raise ValueError("project_macs must be 1 to 64 for a projector, not 0")
    settings = [
        _channels("inputs", config, "Channels that come."),
        _channels("outputs", config, "Channels that leave."),
        _Setting("pixels", PIXELS_WIDTH, "Pixels of a packet, at least 1."),
        *_clip("project", config.sample),
    ]
    counters = [
        ("pixels", "Pixels that came."),
        ("samples", "Samples sent."),
        ("stalls", "Cycles in which a sample was ready and not taken."),
        ("packets", "Packets sent."),
    ]
    memories = _projector_memories(config, config.project_macs, config.sample)
    return _register_map(config, PROJECTOR, counters, settings, memories)


@dataclass(frozen=True, slots=True)
class _Setting:
    """A setting before it has an address."""

    name: str
    width: int
    doc: str
    signed: bool = False


def _channels(name: str, config: CodecConfig, doc: str) -> _Setting:
    return _Setting(name, config.channels.bit_length(), f"{doc} 1 to {config.channels}.")


def _clip(name: str, q: Q) -> list[_Setting]:
    return [
        _Setting(f"{name}_low", q.width, f"Least value of the {name} clip.", q.signed),
        _Setting(f"{name}_high", q.width, f"Greatest value of the {name} clip.", q.signed),
    ]


def _sevens(config: CodecConfig) -> list[_Setting]:
    doc = "The layer has tiles of 7 points; else of 8."
    return [_Setting("seven", 1, doc)] if config.sevens else []


def _size(raster: RasterConfig | None) -> list[_Setting]:
    if raster is None:
        return []
    width = raster.row_samples.bit_length()
    return [
        _Setting("height", HEIGHT_WIDTH, "Rows of a map, at least 1."),
        _Setting("width", width, "Pixels of a row, at least 1, padding not counted."),
    ]


# Memories have no address until the map places them.
def _table_memories(config: CodecConfig) -> list[Memory]:
    index = max(1, (config.tables - 1).bit_length())
    stride, shift = table_stride(config), shift_width(config)
    return [
        Memory("index", 0, config.channels, index, "Table that a channel reads."),
        Memory(
            "table",
            0,
            config.tables * stride,
            5 + shift,
            "Entry of a table: width in bits 4..0, shift above. A table every "
            f"{stride} words, in scan order.",
            stride,
            (
                Field("width", 0, 5, "Bits that a coefficient is stored in; 0 drops it."),
                Field("shift", 5, shift, "Bits that it is rounded off by."),
            ),
        ),
    ]


def _projector_memories(config: CodecConfig, macs: int, i: Q) -> list[Memory]:
    channels, stride = config.channels, weight_stride(macs)
    return [
        Memory(
            "weights",
            0,
            -(-channels // macs) * channels * stride,
            WEIGHT.width,
            f"Weight of output p · {macs} + m, input n: word (p · {channels} + n) · {stride} + m.",
            stride,
        ),
        Memory("biases", 0, channels, bias_format(i, channels).width, "Bias of an output."),
        Memory("scales", 0, channels, SCALE.width, "Multiplier of an output."),
        Memory("shifts", 0, channels, SCALE_SHIFT_MAX.bit_length(), "Shift of an output."),
    ]


def weight_stride(macs: int) -> int:
    """Addresses from the weights of one input to the next: a power of two."""
    return 1 << (macs - 1).bit_length()


def _register_map(
    config: CodecConfig,
    version: int,
    counters: list[tuple[str, str]],
    settings: list[_Setting],
    memories: list[Memory],
) -> RegisterMap:
    read = Access.R
    digest = int(config.digest[:8], 16)
    identity = [
        ("id", 'Identity; always "TLFD".', ID, ()),
        ("version", "Version of this map, and its side.", version, fields.VERSION),
        ("digest", "First 32 bits of the configuration's digest.", digest, ()),
    ]
    control = [
        ("status", read, "What the shadow bank waits for.", fields.STATUS),
        ("control", Access.W1, "Commits, and clears the counters.", fields.CONTROL),
        ("errors", Access.W1C, "Sticky errors.", fields.ERRORS),
    ]
    registers = [
        Register(name, address, 32, read, doc, reset=value, constant=True, fields=bits)
        for address, (name, doc, value, bits) in zip(count(0x00), identity, strict=False)
    ]
    registers += [
        Register(name, address, len(bits), access, doc, reset=0, fields=bits)
        for address, (name, access, doc, bits) in zip(count(0x03), control, strict=False)
    ]
    registers += [
        Register(f"{name}_count", address, 32, read, doc, reset=0)
        for address, (name, doc) in zip(count(0x08), counters, strict=False)
    ]
    registers += [
        Register(s.name, address, s.width, Access.SHADOW, s.doc, s.signed, reset=0)
        for address, s in zip(count(0x10), settings, strict=False)
    ]
    placed = []
    address = 0x20
    for memory in memories:
        # Each window starts at a multiple of its size, so that decoding looks at top bits alone.
        size = 1 << max(5, (memory.depth - 1).bit_length())
        address = -(-address // size) * size
        placed.append(replace(memory, address=address))
        address += size
    return RegisterMap(tuple(registers), tuple(placed))
