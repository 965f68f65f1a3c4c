from functools import cache

import numpy as np
import pytest
from helpers.bench import STALLS, Bench

from tilefold.model.dct import dct, idct
from tilefold_gateware.dct import Dct, forward, inverse
from tilefold_hw import latency
from tilefold_hw.config import CodecConfig

CONFIG = CodecConfig(channels=2, tables=1, sevens=True)
# Coefficients of tiles of 7 have a bit less than those of tiles of 8.
WIDE = CodecConfig(channels=2, tables=1, sevens=True, sample_width=16, word_width=64)
BOXES = {"dct": forward, "idct": inverse}
MODELS = {"dct": dct, "idct": idct}
LATENCIES = {"dct": latency.dct, "idct": latency.idct}
# Packets of bank 1 have tiles of 7.
INPUTS = {"narrow": {"bank_0": 0, "bank_1": 1}}


@cache
def box(name, config=CONFIG):
    return Bench(BOXES[name](config))


def transform_of(config, tile):
    return config.at(tile).transform


def formats(name, config, tile):
    """Formats of what comes to the transform of a size, and of what comes to both."""
    return [
        t.forward_rows.i if name == "dct" else t.inverse_columns.i
        for t in (transform_of(config, tile), config.transform)
    ]


def check(name, config, packets, **how):
    """Send packets of ``(tile, tiles in it)``, and compare with the model."""
    rng = np.random.default_rng(0)
    data, expected, last, bank = [], [], [], []
    for tile, count in packets:
        own, both = formats(name, config, tile)
        tiles = rng.integers(both.min, both.max + 1, (count, tile * tile))
        held = np.clip(tiles, own.min, own.max)
        data.append(tiles.ravel())
        expected.append(MODELS[name](held, transform_of(config, tile)).ravel())
        last.append(np.arange(tiles.size) == tiles.size - 1)
        bank.append(np.full(tiles.size, tile == 7))
    items = {"data": data, "last": last, "bank": bank}
    items = {field: np.concatenate(parts) for field, parts in items.items()}
    run = box(name, config).run(items, inputs=INPUTS, **how)
    np.testing.assert_array_equal(run.data, np.concatenate(expected))
    np.testing.assert_array_equal(run["last"], items["last"])
    np.testing.assert_array_equal(run["bank"], items["bank"])
    return run


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
def test_packets_of_both_sizes_come_in_order(name, stall):
    packets = [(7, 1), (8, 1), (8, 2), (7, 1), (7, 2), (8, 1), (7, 1), (8, 1)]
    check(name, CONFIG, packets, stall=stall)


@pytest.mark.parametrize("name", BOXES)
def test_formats_of_eight_hold_those_of_seven(name):
    # A coefficient that has too many bits for a tile of 7 is saturated.
    check(name, WIDE, [(8, 1), (7, 2), (8, 1)], stall=STALLS["both"])


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize(("tile", "other"), [(8, 7), (7, 8)])
def test_however_many_packets_are_inside_the_next_one_waits(name, tile, other):
    # Those of a tile are the most. While nothing leaves, some do not even enter.
    for count in range(2, 7):
        packets = [(tile, 1)] * count + [(other, 1)]
        run = check(name, CONFIG, packets, stall=(0, lambda cycle: cycle < 700))
        assert run.sent[count * tile**2] > run.received[count * tile**2 - 1]
    assert run.sent[count * tile**2 - 1] > 700


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize(("first", "then"), [(8, 7), (7, 8)])
def test_latency_and_rate(name, first, then):
    run = check(name, CONFIG, [(first, 4), (then, 4)])
    size, other = 4 * first**2, 4 * then**2
    # Items of a packet come without a bubble, and so do those that leave.
    for start, stop in ((0, size), (size, size + other)):
        np.testing.assert_array_equal(np.diff(run.sent[start:stop]), 1)
        np.testing.assert_array_equal(np.diff(run.received[start:stop]), 1)
    assert run.latency == LATENCIES[name](transform_of(CONFIG, first))
    assert run.received[size] - run.sent[size] == LATENCIES[name](transform_of(CONFIG, then))
    # What is inside drains first.
    assert run.sent[size] - run.received[size - 1] == latency.TURN


def test_a_build_of_one_size_has_nothing_beside():
    assert isinstance(box("dct", CodecConfig()).dut, Dct)
