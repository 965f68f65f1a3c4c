import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilefold.model.reorder import to_pixels, to_tiles
from tilefold.model.tiles import cut, group_count, join
from tilefold_hw.transform import SIZES

sides = st.integers(1, 40)


@settings(max_examples=50)
@given(st.integers(1, 5), sides, sides, st.sampled_from(SIZES), st.integers(0, 2**32 - 1))
def test_join_undoes_cut(channels, height, width, n, seed):
    maps = np.random.default_rng(seed).integers(0, 256, (channels, height, width), dtype=np.uint8)
    groups = cut(maps, n)
    assert groups.shape == (group_count(height, width, n), n * n, channels)
    assert groups.dtype == np.uint8
    np.testing.assert_array_equal(join(groups, height, width), maps)


@pytest.mark.parametrize(("height", "width", "n"), [(16, 24, 8), (9, 14, 7), (5, 3, 4), (1, 1, 16)])
def test_each_pixel_is_where_raster_order_puts_it(height, width, n):
    maps = np.random.default_rng(0).integers(-100, 100, (3, height, width))
    groups = cut(maps, n)
    across = -(-width // n)
    for g, group in enumerate(groups):
        for pixel, channels in enumerate(group):
            # Past an edge, the last pixel before it is repeated.
            y = min(g // across * n + pixel // n, height - 1)
            x = min(g % across * n + pixel % n, width - 1)
            np.testing.assert_array_equal(channels, maps[:, y, x])


def test_padding_counts_as_groups():
    # Maps of 20 pixels store a fifth more along each side.
    assert group_count(20, 20, 8) == 9
    assert [group_count(side, side, 7) for side in (7, 14, 28, 56)] == [1, 4, 16, 64]


def test_tiles_and_pixels_swap_the_last_two_axes():
    groups = np.arange(2 * 16 * 3).reshape(2, 16, 3)
    tiles = to_tiles(groups)
    assert tiles.shape == (2, 3, 16)
    assert tiles[1, 2, 5] == groups[1, 5, 2]
    np.testing.assert_array_equal(to_pixels(tiles), groups)


@pytest.mark.parametrize("shape", [(8, 8), (1, 2, 8, 8), (0, 8, 8), (3, 0, 8)])
def test_rejects_what_is_no_map(shape):
    sentence = f"map must have shape [channels, height, width], not {shape}"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        cut(np.zeros(shape, dtype=int), 8)


@pytest.mark.parametrize("shape", [(4, 64), (1, 60, 3), (0, 64, 3), (4, 64, 3, 1)])
def test_rejects_what_are_no_tile_groups(shape):
    sentence = f"tile groups must have shape [groups, n·n, channels], not {shape}"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        join(np.zeros(shape, dtype=int), 8, 8)


def test_rejects_a_map_of_another_size():
    sentence = "a map of 9 × 16 must have 4 tile groups, not 2"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        join(np.zeros((2, 64, 3), dtype=int), 9, 16)
