"""The core: what people build into designs of their own; its ports, and where its registers lie."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields

from .config import PRESETS, CodecConfig
from .layer import Layer
from .raster import ORDERS as ROWS
from .raster import RasterConfig
from .regs import RegisterMap, decoder_map, encoder_map, projector_map
from .writes import decoder_writes, encoder_writes, projector_writes

_MAPS = {"encoder": encoder_map, "decoder": decoder_map, "projector": projector_map}
_WRITES = {"encoder": encoder_writes, "decoder": decoder_writes, "projector": projector_writes}

SIDES = ("encoder", "decoder", "projector")
"""What has registers of its own."""

BLOCKS = {side: (side,) for side in SIDES} | {"codec": ("encoder", "decoder")}
"""What a core may be, and the sides that it then has. A codec's have a memory between them."""

BUSES = ("axi-lite", "wishbone")
"""What registers may be reached by."""

RESETS = ("sync-high", "sync-low", "async-high", "async-low")
"""When a reset acts, and at which level. One that acts at once still ends with a clock's edge, as
the design around the core has to see to."""

ORDERS = ("tiles", *ROWS)
"""In what order samples come and leave: in tile groups, or in maps by rows."""

TARGETS = ("fpga", "asic")
"""What the core is made for: where registers have a value before any reset, or where they have
none."""


@dataclass(frozen=True, slots=True)
class Window:
    """Where one side's registers lie."""

    #: One of :data:`SIDES`.
    side: str
    #: Address of its first byte: a multiple of :attr:`size`.
    base: int
    regs: RegisterMap

    @property
    def size(self) -> int:
        """Bytes from its first to behind its last, a power of two."""
        return 4 << self.regs.address_width

    def byte(self, address: int) -> int:
        """Byte address of a word address of the side's own map."""
        return self.base + 4 * address


@dataclass(frozen=True, slots=True)
class CoreConfig:
    """Everything that is fixed when a core is built.

    Raises
    ------
    ValueError
        In words that name the field, the value and what is allowed.
    """

    codec: CodecConfig = PRESETS["standard"]
    #: One of :data:`BLOCKS`.
    block: str = "codec"
    #: Of the module; left out, ``tilefold_`` and the block.
    name: str = ""
    #: One of :data:`BUSES`.
    bus: str = "axi-lite"
    #: One of :data:`RESETS`.
    reset: str = "sync-high"
    #: One of :data:`TARGETS`.
    target: str = "fpga"
    #: One of :data:`ORDERS`.
    order: str = "tiles"
    #: By rows: most samples of a row, all channels of it, padded to whole tiles.
    row_samples: int = 2048

    def __post_init__(self) -> None:
        choices = {
            "block": BLOCKS,
            "bus": BUSES,
            "reset": RESETS,
            "target": TARGETS,
            "order": ORDERS,
        }
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in choices and value not in choices[field.name]:
                *most, last = choices[field.name]
                raise ValueError(f"{field.name} must be {', '.join(most)} or {last}, not {value!r}")
        if self.name and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", self.name):
            raise ValueError(
                f"name must be letters, digits and underscores, a letter first, not {self.name!r}"
            )

        if self.block == "projector" and self.order == "row-planar":
            raise ValueError(
                "order must be tiles or pixel-major for a projector, which takes all channels of "
                "a pixel together, not 'row-planar'"
            )
        # What else it can't be is told here, not where it is built.
        _ = self.windows

    @property
    def raster(self) -> RasterConfig | None:
        """What cuts maps that come by rows, if they do."""
        if self.order == "tiles":
            return None
        return RasterConfig(self.codec, self.order, self.row_samples)

    @property
    def module(self) -> str:
        """Name of the Verilog module."""
        return self.name or f"tilefold_{self.block}"

    @property
    def windows(self) -> tuple[Window, ...]:
        """Where registers lie: each side's at a multiple of the larger one's size."""
        maps = [(side, _MAPS[side](self.codec, self.raster)) for side in BLOCKS[self.block]]
        size = max(4 << regs.address_width for _, regs in maps)
        return tuple(Window(side, n * size, regs) for n, (side, regs) in enumerate(maps))

    def writes(
        self, side: str, layer: Layer, size: tuple[int, int] = (0, 0)
    ) -> Iterator[tuple[int, int]]:
        """Yield word address on *side* and value of all that loads a layer, the commit last.

        *size* is height and width of its maps, where they come by rows.
        """
        return _WRITES[side](self.codec, layer, self.raster, size)

    @property
    def address_width(self) -> int:
        """Bits of a byte address."""
        return max(window.base + window.size - 1 for window in self.windows).bit_length()

    @property
    def sample_bytes(self) -> tuple[int, int]:
        """Whole bytes of a sample that comes, and of one that leaves: a decoder restores more."""
        given = self.codec.sample if self.block == "projector" else self.codec.restored
        return _bytes(self.codec.sample.width), _bytes(given.width)

    @property
    def data_widths(self) -> tuple[int, int]:
        """Bits of ``tdata`` in and out: of all lanes' samples, or of a word."""
        samples_in, samples_out = (8 * self.codec.lanes * size for size in self.sample_bytes)
        word = self.codec.word_width
        return (
            word if self.block == "decoder" else samples_in,
            word if self.block == "encoder" else samples_out,
        )

    @property
    def active_low(self) -> bool:
        """Whether the core is reset while the pin is low."""
        return self.reset.endswith("-low")

    @property
    def clock_pins(self) -> tuple[str, str]:
        """Names of clock and reset, after the custom for the level of the reset."""
        return ("aclk", "aresetn") if self.active_low else ("clk", "rst")


def _bytes(bits: int) -> int:
    return -(-bits // 8)
