import re

import pytest

from tilefold_hw.config import CodecConfig
from tilefold_hw.raster import RasterConfig, tiles_across


def test_memory_is_a_row_of_tiles():
    config = RasterConfig(CodecConfig(lanes=2, word_width=64), "row-planar", row_samples=64 * 56)
    assert (config.row, config.depth) == (64 * 28, 8 * 64 * 28)
    assert (config.across, config.channels, config.chunk) == (4, 64, 4)
    assert RasterConfig(CodecConfig(), row_samples=64 * 56).chunk == 8 * 64


def test_a_short_row_has_few_channels():
    assert RasterConfig(CodecConfig(tile=4), row_samples=20).channels == 5
    assert RasterConfig(CodecConfig(sevens=True), row_samples=56).channels == 8


def test_rows_are_turned_in_little_memory():
    assert RasterConfig(CodecConfig(), "row-planar").ring == 1024
    assert RasterConfig(CodecConfig(tile=4, channels=1, tables=1), "row-planar").ring == 16


def test_turns_only_rows_by_channel_of_more_than_an_item():
    eight = CodecConfig(lanes=8, word_width=256)
    assert RasterConfig(CodecConfig(), "row-planar").turns
    assert not RasterConfig(eight, "row-planar").turns
    assert not RasterConfig(CodecConfig()).turns


@pytest.mark.parametrize(("width", "tile", "tiles"), [(1, 8, 1), (8, 8, 1), (9, 8, 2), (56, 7, 8)])
def test_tiles_cover_a_row(width, tile, tiles):
    assert tiles_across(width, tile) == tiles


def test_rejects_an_order_that_is_none():
    sentence = "order must be pixel-major or row-planar, not 'planar'"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        RasterConfig(CodecConfig(), "planar")


@pytest.mark.parametrize("row_samples", [0, 7, -8])
def test_rejects_rows_shorter_than_a_tile(row_samples):
    sentence = f"row_samples must be at least the 8 pixels of a tile's side, not {row_samples}"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        RasterConfig(CodecConfig(), row_samples=row_samples)
