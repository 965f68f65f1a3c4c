"""The device: a codec behind a link, as a board holds it; what it is built of, its registers."""

import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from itertools import count
from pathlib import Path
from typing import Any

from .check import naming
from .config import PRESETS, CodecConfig, named
from .link import RINGS, SLOTS, divisor
from .regs import Access, Register

ID = 0x544C4644
"""Value of the ``id`` register: "TLFD"."""

VERSION = 0x0001_0A00
"""Value of the ``version`` register: version of this map and of the link, then which side."""

SPACES = {"device": 0x0 << 28, "encoder": 0x1 << 28, "decoder": 0x2 << 28}
"""Where the link's addresses of registers begin: the device's own, and those of
:func:`~tilefold_hw.regs.encoder_map` and :func:`~tilefold_hw.regs.decoder_map`. What is not there
reads as zero and ignores writes."""

ENCODER, DECODER = 1 << 0, 1 << 1
"""Bits of ``sides``."""


class Mode:
    """Values of ``mode``: where data comes from and goes to.

    To be changed while nothing is inside.
    """

    #: Bytes in are samples; bytes out are words.
    ENCODE = 0
    #: Bytes in are words; bytes out are samples.
    DECODE = 1
    #: Samples in, through encoder, store and decoder, samples out.
    ROUNDTRIP = 2
    #: A pattern takes the same way at full speed; signatures are taken of words and samples.
    SELFTEST = 3


PATTERN = 0x5449_4C45
"""First state of the pattern of the self-test: xorshift with shifts 13, 17, 5 (Marsaglia 2003).
Every item takes the state, then steps it; lane *n* has its low bits, rotated left by 7 · *n*."""

PATTERN_SHIFTS = (13, 17, 5)
PATTERN_ROTATION = 7

SIGNATURE = 0xFFFF_FFFF
"""First state of a signature: a multiple-input signature register of 32 bits. It is shifted left,
:data:`POLYNOMIAL` is added if a one fell out, then the item, folded: the exclusive or of its
32-bit parts, without ``last``."""

POLYNOMIAL = 0x04C1_1DB7
"""Of IEEE 802.3's CRC, which is primitive."""


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """Everything that is fixed when a device is built.

    Raises
    ------
    ValueError, TypeError
        In words that name the field, the value and what is allowed.
    """

    codec: CodecConfig = PRESETS["standard"]
    #: There is an encoder; there is a decoder; with both, there is a store of
    #: ``codec.memory_words`` between them.
    encoder: bool = True
    decoder: bool = True
    clock_hz: int = 48_000_000
    baud: int = 3_000_000
    #: Requests that are kept until they are done.
    slots: int = 8
    #: Bytes that are kept of what came in, and of what comes out.
    ring: int = 2048

    def __post_init__(self) -> None:
        for field in fields(self):
            if type(value := getattr(self, field.name)) is not field.type:
                words = {CodecConfig: "a configuration", int: "an integer", bool: "true or false"}
                kind = words[field.type]  # type: ignore[index]
                raise TypeError(f"{field.name} must be {kind}, not {value!r}")
        for name, choices in (("slots", SLOTS), ("ring", RINGS)):
            if (value := getattr(self, name)) not in choices:
                *most, last = map(str, choices)
                raise ValueError(f"{name} must be {', '.join(most)} or {last}, not {value}")
        if not (self.encoder or self.decoder):
            raise ValueError("encoder or decoder must be true: a device has at least one of them")
        if not 1_000_000 <= self.clock_hz <= 400_000_000:
            raise ValueError(f"clock_hz must be 1000000 to 400000000, not {self.clock_hz}")
        divisor(self.clock_hz, self.baud)

    @property
    def divisor(self) -> int:
        """Cycles of a bit."""
        return divisor(self.clock_hz, self.baud)

    @property
    def sides(self) -> int:
        """Bits of the ``sides`` register."""
        return ENCODER * self.encoder | DECODER * self.decoder

    @property
    def modes(self) -> tuple[int, ...]:
        """Modes that there are."""
        found = [Mode.ENCODE] * self.encoder + [Mode.DECODE] * self.decoder
        if self.encoder and self.decoder:
            found.append(Mode.ROUNDTRIP)
        return (*found, Mode.SELFTEST) if self.encoder else tuple(found)

    @property
    def sample_bytes(self) -> tuple[int, int]:
        """Bytes of a sample on the link, into an encoder and out of a decoder.

        Whole bytes, the least first; a signed sample has its sign up to the top.
        """
        return _whole(self.codec.sample.width), _whole(self.codec.restored.width)

    @property
    def word_bytes(self) -> int:
        """Bytes of a word on the link, the least first."""
        return self.codec.word_width // 8

    def to_toml(self) -> str:
        """Write the configuration as TOML, the codec's in a table of that name."""
        values = asdict(self)
        del values["codec"]
        own = "".join(f"{name} = {str(value).lower()}\n" for name, value in values.items())
        return f"{own}\n[codec]\n{self.codec.to_toml()}"

    @classmethod
    def from_toml(cls, text: str) -> "DeviceConfig":
        """Read a configuration from TOML.

        Fields left out keep their defaults. ``codec`` is a table, or the name of a preset. A
        configuration of a codec alone is one of a device with the rest as it is by default.
        """
        try:
            table = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise ValueError(f"configuration must be TOML: {error}") from None
        return cls.from_dict(table)

    @classmethod
    def from_dict(cls, table: dict[str, Any]) -> "DeviceConfig":
        """Build a configuration from names and values."""
        own = [field.name for field in fields(cls)]
        if table and not set(table) & set(own):
            return cls(CodecConfig.from_dict(table))
        values = dict(table)
        for key in values:
            if key not in own:
                raise ValueError(f"device must have fields of {', '.join(own)}, not {key!r}")
        codec = values.pop("codec", {})
        if isinstance(codec, str):
            return cls(codec=named(codec), **values)
        if not isinstance(codec, dict):
            raise TypeError(f"codec must be a table or the name of a preset, not {codec!r}")
        with naming("codec"):
            values["codec"] = CodecConfig.from_dict(codec)
        return cls(**values)

    @classmethod
    def load(cls, path: str | Path) -> "DeviceConfig":
        """Read a configuration from a TOML file; errors name the file."""
        with naming(str(path)):
            try:
                text = Path(path).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                raise ValueError("configuration must be text in UTF-8") from None
            return cls.from_toml(text)


DEVICES = {
    "ulx3s": DeviceConfig(PRESETS["demo"], clock_hz=60_000_000),
    "icebreaker": DeviceConfig(
        PRESETS["pocket"], decoder=False, clock_hz=24_000_000, slots=4, ring=512
    ),
    # With a decoder it takes nine of ten flip-flops, and nextpnr finds no place for them.
    "tang_nano_9k": DeviceConfig(
        PRESETS["tiny"], decoder=False, clock_hz=27_000_000, slots=4, ring=1024
    ),
    "tang_primer_20k": DeviceConfig(PRESETS["tiny"], clock_hz=27_000_000),
    # Its debugger is a microcontroller that carries no more than this for sure.
    "icesugar_pro": DeviceConfig(PRESETS["demo"], clock_hz=60_000_000, baud=1_000_000),
    "crosslink_nx_evn": DeviceConfig(PRESETS["tiny"], clock_hz=12_000_000),
}
"""Devices with a name, that of the first board which they are made for."""


def device(text: str) -> DeviceConfig:
    """Return the device called *text*, the preset behind a link, or what is in that file."""
    if text in DEVICES:
        return DEVICES[text]
    if text in PRESETS:
        return DeviceConfig(PRESETS[text])
    if not Path(text).is_file():
        raise ValueError(
            f"device must be a TOML file or one of {', '.join((*DEVICES, *PRESETS))}, not {text!r}"
        )
    return DeviceConfig.load(text)


def device_registers() -> tuple[Register, ...]:
    """Return the device's own registers, from address 0 of their space on.

    A session begins with what can be written, and what the self-test found, as after a reset; the
    last three go on.
    """
    return tuple(
        Register(name, address, width, access, doc)
        for address, (name, width, access, doc) in zip(count(), _registers(), strict=False)
    )


def _registers() -> Iterator[tuple[str, int, Access, str]]:
    read, write = Access.R, Access.RW
    yield "id", 32, read, 'Identity; always "TLFD".'
    yield "version", 32, read, "Version of this map and of the link."
    for word in range(8):
        bits = f"{32 * word} to {32 * word + 31}"
        yield f"digest_{word}", 32, read, f"Hex digits of the codec's digest: bits {bits}, big end."
    yield "sides", 2, read, "Bit 0: there is an encoder. Bit 1: there is a decoder."
    yield "clock", 32, read, "Clock, in hertz."
    yield "slots", 8, read, "Requests that are kept until they are done."
    yield "ring", 16, read, "Bytes that are kept of what came in; of what comes out as many."
    yield "mode", 2, write, "0 encodes, 1 decodes, 2 both, 3 tests itself."
    yield "run", 32, write, "Items of the pattern to send, in mode 3; counts down. Begins all anew."
    yield "cycles", 32, read, "Cycles from the first item of the pattern to the last one out."
    yield "words", 32, read, "Signature of the words, in mode 3, from the last write of run on."
    yield "samples", 32, read, "Signature of the samples."
    yield "damaged", 16, read, "Frames that were dropped, because they were no frames: modulo 2¹⁶."
    yield "dropped", 16, read, "Frames that were dropped, because all slots were full: modulo 2¹⁶."
    yield "wrong", 16, read, "Requests that were refused as WRONG: modulo 2¹⁶."


def _whole(bits: int) -> int:
    return -(-bits // 8)
