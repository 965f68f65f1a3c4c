from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilefold.model.raster import from_rows, raster, to_rows, unraster
from tilefold_hw.config import CodecConfig
from tilefold_hw.raster import ORDERS, RasterConfig

BUILDS = [
    CodecConfig(tile=4, word_width=256),
    CodecConfig(tile=7, word_width=256),
    CodecConfig(tile=16, word_width=256),
    *(CodecConfig(lanes=lanes, word_width=256) for lanes in (1, 2, 4, 8)),
]

sides = st.integers(1, 35)
builds = st.builds(RasterConfig, st.sampled_from(BUILDS), st.sampled_from(ORDERS))
some = partial(settings, max_examples=50, deadline=None)


def random_map(channels, height, width):
    return np.random.default_rng(0).integers(0, 256, (channels, height, width), dtype=np.uint8)


@some()
@given(builds, st.integers(1, 5), sides, sides)
def test_each_sample_of_a_row_is_where_its_order_puts_it(config, channels, height, width):
    maps = random_map(channels, height, width)
    rows = to_rows(config, maps)
    lanes = config.codec.lanes
    number = 0
    for y in range(height):
        places = [(c, x) for c in range(channels) for x in range(0, width, lanes)]
        if config.order == "pixel-major":
            places.sort(key=lambda place: place[1])
        for c, x in places:
            columns = np.minimum(np.arange(x, x + lanes), width - 1)
            np.testing.assert_array_equal(rows[number], maps[c, y, columns])
            number += 1
    assert number == len(rows)
    np.testing.assert_array_equal(from_rows(config, rows, channels, height, width), maps)


@some()
@given(builds, st.integers(1, 5), sides, sides)
def test_tile_groups_are_those_of_the_padded_map(config, channels, height, width):
    n, lanes = config.codec.tile, config.codec.lanes
    maps = random_map(channels, height, width)
    whole = np.pad(maps, ((0, 0), (0, -height % n), (0, -width % n)), mode="edge")
    expected = [
        whole[c, y + dy, x + dx : x + dx + lanes]
        for y in range(0, height, n)
        for x in range(0, width, n)
        for dy in range(n)
        for dx in range(0, n, lanes)
        for c in range(channels)
    ]
    rows = to_rows(config, maps)
    np.testing.assert_array_equal(raster(config, rows, channels, height, width), expected)


@some()
@given(builds, st.integers(1, 5), sides, sides)
def test_unraster_undoes_raster(config, channels, height, width):
    rows = to_rows(config, random_map(channels, height, width))
    beats = raster(config, rows, channels, height, width)
    np.testing.assert_array_equal(unraster(config, beats, channels, height, width), rows)


def test_lanes_past_the_end_of_a_row_count_for_nothing():
    config = RasterConfig(CodecConfig(lanes=4, word_width=128), "row-planar")
    rows = to_rows(config, random_map(2, 3, 9)).copy()
    expected = raster(config, rows, 2, 3, 9)
    rows[2::3, 1:] = 77
    np.testing.assert_array_equal(raster(config, rows, 2, 3, 9), expected)
    back = unraster(config, expected, 2, 3, 9)
    assert back.shape == rows.shape


@pytest.mark.parametrize("order", ORDERS)
def test_layers_may_choose_the_size_of_a_tile(order):
    config = RasterConfig(CodecConfig(sevens=True), order)
    seven = RasterConfig(CodecConfig(tile=7), order)
    rows = to_rows(config, random_map(3, 8, 15))
    beats = raster(config, rows, 3, 8, 15, tile=7)
    np.testing.assert_array_equal(beats, raster(seven, rows, 3, 8, 15))
    np.testing.assert_array_equal(unraster(config, beats, 3, 8, 15, tile=7), rows)
