"""Maps for the fronts that cut them, and the fronts under test."""

from functools import cache

import numpy as np

from helpers.bench import Bench
from helpers.lanes import joined, parted
from tilefold.model.raster import raster, to_rows, unraster
from tilefold_gateware.raster import Raster, Unraster


class Maps:
    """Maps of any values, by rows and by tile groups."""

    def __init__(self, config, sizes, q, seed=0):
        rng = np.random.default_rng(seed)
        self.config, self.q, lanes = config, q, config.codec.lanes
        self.sizes, self.rows, self.groups, self.kept = [], [], [], []
        for channels, height, width, *tile in sizes:
            self.sizes.append({"channels": channels, "height": height, "width": width})
            if config.codec.sevens:
                self.sizes[-1]["seven"] = int(tile == [7])
            size = {"tile": tile[0]} if tile else {}
            where = channels, height, width
            rows = to_rows(config, rng.integers(q.min, q.max + 1, where))
            beats = raster(config, rows, *where, **size)
            self.groups.append(beats)
            self.kept.append(unraster(config, beats, *where, **size))
            if width % lanes:
                # What is past the end of a row must not matter.
                columns = to_rows(config, np.broadcast_to(np.arange(width), where))
                rows = np.where(columns < np.arange(lanes) + columns[:, :1], rng.integers(2), rows)
            self.rows.append(rows)

    def items(self, beats):
        return joined(np.concatenate(beats).ravel(), self.config.codec.lanes, self.q.width)

    @staticmethod
    def last(beats):
        return np.concatenate([np.arange(len(each)) == len(each) - 1 for each in beats])


@cache
def bench(kind, config):
    return Bench(kind(config))


def check_raster(maps, dut=None, **how):
    """Send maps by rows, and compare with the model. Of one size, unless *dut* tells others."""
    config = maps.config
    if dut is None:
        dut = bench(Raster, config)
        how["inputs"] = maps.sizes[0]
    count = sum(map(len, maps.groups))
    run = dut.run(maps.items(maps.rows), count, **how)
    q = maps.q
    values = parted(run.payloads, config.codec.lanes, q.width, signed=q.signed)
    np.testing.assert_array_equal(values, np.concatenate(maps.groups).ravel())
    return run


def check_unraster(maps, dut=None, **how):
    """Send tile groups, a packet a map, and compare with the model."""
    config, lanes = maps.config, maps.config.codec.lanes
    if dut is None:
        dut = bench(Unraster, config)
        how["inputs"] = maps.sizes[0]
    items = {"data": maps.items(maps.groups), "last": maps.last(maps.groups)}
    run = dut.run(items, sum(map(len, maps.kept)), **how)
    bits = lanes * maps.q.width
    data = [payload & (1 << bits) - 1 for payload in run.payloads]
    if lanes == 1:
        data = run.data
    values = parted(data, lanes, maps.q.width, signed=maps.q.signed)
    np.testing.assert_array_equal(values, np.concatenate(maps.kept).ravel())
    np.testing.assert_array_equal(run["last"], maps.last(maps.kept))
    return run


def pair(config, sizes, seed=0):
    """Maps for the two fronts."""
    return (
        (check_raster, Maps(config, sizes, config.codec.sample, seed)),
        (check_unraster, Maps(config, sizes, config.codec.restored, seed)),
    )
