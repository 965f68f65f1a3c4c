"""Maps by rows: what is fixed when a front that cuts them into tile groups is built."""

from dataclasses import dataclass

from .check import require
from .config import CodecConfig

ORDERS = ("pixel-major", "row-planar")
"""Orders of a row: all channels of a pixel, then the next pixel; or a row of a channel, then that
of the next channel."""

HEIGHT_WIDTH = 16
"""Width of the counter of the rows of a map."""

LARGEST = (1 << HEIGHT_WIDTH) - 1
"""Most rows of a map."""

MARGIN = 4
"""Items by which who writes a row of tiles is further ahead of who reads it than it need be: until
then, the way through the next row is known."""

_ROUND = 8
"""Items that pass until a place that is given back is written again."""


@dataclass(frozen=True, slots=True)
class RasterConfig:
    """Everything that is fixed when a front for maps by rows is built.

    An item is *lanes* neighbouring pixels of one channel, as in the codec.

    Raises
    ------
    ValueError
        In words that name the field, the value and what is allowed.
    """

    #: The codec that it stands at: its samples, lanes, tiles and most channels.
    codec: CodecConfig
    #: One of :data:`ORDERS`.
    order: str = "pixel-major"
    #: Most samples of a row of a map, all channels of it, padded to whole tiles: the memory has
    #: a row of tiles.
    row_samples: int = 2048

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise ValueError(f"order must be {' or '.join(ORDERS)}, not {self.order!r}")
        tile = self.codec.tile
        if self.row_samples < tile:
            raise ValueError(
                f"row_samples must be at least the {tile} pixels of a tile's side, "
                f"not {self.row_samples}"
            )

    @property
    def planar(self) -> bool:
        """Whether a row comes channel by channel."""
        return self.order == "row-planar"

    @property
    def turns(self) -> bool:
        """Whether the rows of a tile are turned one by one behind the memory, or in front of it."""
        return self.planar and self.across > 1

    @property
    def across(self) -> int:
        """Items of a tile's side."""
        return self.codec.tile // self.codec.lanes

    @property
    def row(self) -> int:
        """Most items of a row."""
        return -(-self.row_samples // self.codec.lanes)

    @property
    def depth(self) -> int:
        """Most items of a row of tiles: the memory."""
        return self.codec.tile * self.row

    @property
    def channels(self) -> int:
        """Most channels of a map."""
        return min(self.codec.channels, self.row_samples // min(self.codec.tiles))

    @property
    def chunk(self) -> int:
        """Most items that stay together where rows turn into tiles."""
        return self.across * (1 if self.planar else self.channels)

    @property
    def ring(self) -> int:
        """Items of the memory in which the rows of a tile are turned: a power of two.

        While one is read, the next comes as far as it must have come to be read at once.
        """
        lead = turn_lead(self.across, self.channels)
        return 1 << (self.across * self.channels + lead + _ROUND - 1).bit_length()

    def check(self, channels: int, size: tuple[int, int], tile: int) -> None:
        """Raise ``ValueError`` unless maps of *channels* and *size* pass, in tiles of *tile*.

        *size* is their height and width in pixels.
        """
        height, width = size
        require(height, 1, LARGEST, "height of the map")
        most = self.row_samples // channels // tile * tile
        if most < 1:
            raise ValueError(
                f"row_samples must be at least the {channels * tile} samples of {channels} "
                f"channels and a tile's {tile} pixels, not {self.row_samples}"
            )
        require(width, 1, most, f"width of a map of {channels} channels")


def tiles_across(width: int, tile: int) -> int:
    """Tiles that a map of *width* pixels has side by side."""
    return -(-width // tile)


def turn_lead(rows: int, columns: int) -> int:
    """Level past which a small matrix may be read by columns."""
    return (rows - 1) * (columns - 1) + 1
