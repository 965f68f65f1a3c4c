"""Items and layers for the benches, those that reach the edges first."""

import numpy as np

from tilefold_hw.layer import Clip, Layer, Projection, bias_format
from tilefold_hw.regs import table_stride
from tilefold_hw.table import Table


def framing(count, packet):
    """``last`` and ``bank`` of *count* items in packets of *packet*, the banks in turn."""
    number = np.arange(count)
    return {"last": number % packet == packet - 1, "bank": number // packet % 2}


def edges(q):
    """Least, greatest and smallest values of a format."""
    return sorted({q.min, q.min + 1, -1 if q.signed else 1, 0, 1, q.max - 1, q.max})


def plain_tiles(n, q):
    """Tiles that are flat, striped or a chessboard of the least and the greatest value."""
    y, x = np.divmod(np.arange(n * n), n)
    masks = [x < 0, x >= 0, x % 2 == 0, y % 2 == 0, (x + y) % 2 == 0, (x + y) % 2 == 1]
    return np.array([np.where(mask, q.max, q.min) for mask in masks])


def reaching_tiles(matrix, q, places=None):
    """Tiles that bring the sum of each *place* ``(row, row)`` to its greatest and its least.

    ``matrix`` is what both passes multiply by: an input is as far out as it can be, with the sign
    of its weight.
    """
    signs = np.sign(np.array(matrix))
    n = len(signs)
    places = [(u, v) for u in range(n) for v in range(n)] if places is None else places
    weights = np.array([np.outer(signs[v], signs[u]).ravel() for u, v in places])
    return np.concatenate(
        [
            np.where(weights > 0, q.max, q.min),
            np.where(weights > 0, q.min, q.max),
        ]
    )


def impulses(n, value):
    """A tile for every place, zero but for that place."""
    return value * np.eye(n * n, dtype=np.int64)


def random_table(rng, config, density=0.5):
    """Table of any widths and half of the shifts, *density* of its coefficients stored."""
    stored = rng.random(config.pixels) < density
    widths = rng.integers(1, config.field.width + 1, config.pixels) * stored
    shifts = rng.integers(0, config.shift_max // 2 + 1, config.pixels)
    return Table(tuple(widths.tolist()), tuple(shifts.tolist()))


def random_layer(rng, config, channels, groups=1, *, density=0.5, **settings):
    """Layer of *channels* stored channels, with as many tables as there may be."""
    tiled = config.at(settings.get("tile", config.tile))
    tables = tuple(random_table(rng, tiled, density) for _ in range(min(config.tables, channels)))
    index = tuple(rng.integers(0, len(tables), channels).tolist())
    return Layer(groups, tables, index, **settings)


def random_projection(rng, config, q, inputs, outputs, clip=None):
    """Projection whose outputs are spread over the range of *q* and past it."""
    bias = bias_format(q, config.channels)
    return Projection(
        weights=tuple(map(tuple, rng.integers(-128, 128, (outputs, inputs)).tolist())),
        biases=tuple(rng.integers(bias.min // 16, bias.max // 16, outputs).tolist()),
        scales=tuple(rng.integers(0, 1 << 16, outputs).tolist()),
        shifts=tuple(rng.integers(18, 26, outputs).tolist()),
        clip=clip or Clip(),
    )


def fill(config, dut, tables, index, bank=0):
    """Writes that put *tables*, ``[table, (width, shift), place]``, and *index* into a bank."""
    table_base, index_base = (bank << len(port.address) - 1 for port in (dut.table, dut.index))
    entries = [
        (table_base + n * table_stride(config) + place, int(shift << 5 | width))
        for n, (widths, shifts) in enumerate(tables)
        for place, (width, shift) in enumerate(zip(widths, shifts, strict=True))
    ]
    indices = [(index_base + channel, int(number)) for channel, number in enumerate(index)]
    return [(dut.table, entries), (dut.index, indices)]
