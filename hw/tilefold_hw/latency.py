"""Latencies in clock cycles, from a transfer at ``i`` to one at ``o``, with nobody waiting.

That is: an item comes in every cycle, and what is offered is taken at once. The numbers of the
boxes add up to those of the encoder, the decoder and the codec, where each item of a packet is
followed on its way. All are measured to the cycle, in the tests of the circuit they tell about.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from .budget import pixel_cycles
from .config import CodecConfig
from .layer import Layer, Projection
from .raster import MARGIN, RasterConfig, tiles_across, turn_lead
from .regs import shift_width
from .transform import Pass, Transform

OUTLET = 2
"""From the end of a pipeline through the queue behind it."""

BATCH = 1
"""From the end of a pipeline through the queue behind it, if it takes batches."""

SLUICE = 3
"""From the end of a pipeline through the queue behind it, if it is entered in bursts."""

CLIP = 3 + OUTLET
"""From a restored sample to itself, clipped."""

STORE = 2
"""Through the memory between an encoder and a decoder."""

SETTLE = 4
"""What the first packet with another number of channels, or tiles of another size, waits more, once
the memory that reorders has drained."""

TURN = 2
"""What the first packet with tiles of another size waits in front of the transform, once that has
drained."""

VARY = 1
"""What a transposition takes more if a dimension is set at run time."""

# From the item that a transposition waits for to the first item out.
_TRANSPOSE = 4 + OUTLET

# Through the memory of a row of pixels.
_PAD = 2 + OUTLET

# From the step that completes a projector's output to its transfer.
_SCALE = 20 + SLUICE


def gather(n: int) -> int:
    """From the first item of a vector to the first of its transform, on the way there."""
    adder_levels = ((n + 1) // 2 - 1).bit_length()
    return n + adder_levels + 5 + OUTLET


def scatter(n: int) -> int:
    """From the first item of a vector to the first of its transform, on the way back."""
    return n + 7 + OUTLET


def transpose(rows: int, columns: int) -> int:
    """From the first item of a matrix, by rows, to the first one by columns."""
    return _lead(rows, columns) + _TRANSPOSE


def multiply(width: int) -> int:
    """Through a multiplier whose wider operand has *width* bits: past 18, it is made of two."""
    return 3 if width <= 18 else 4


def forward(step: Pass) -> int:
    """From the last items of a vector of eight to the first that are pushed, on the way there."""
    return multiply(step.i.width + 2) + 3


def inverse(step: Pass, lanes: int) -> int:
    """From the last items of a vector of eight to the first that are pushed, on the way back."""
    return multiply(step.i.width) + {1: 3, 2: 4, 4: 5, 8: 4}[lanes]


def corner(first: int, lanes: int, *, late: bool = False) -> tuple[int, int]:
    """Where rows of eight turn into columns, behind a pass of latency *first*.

    Return the cycles from the last items of a tile to the first ones read, if those of a column
    that is not whole yet were read at their pace; and the cycles until they come. *late* is a cycle
    that items spend behind the memory, not in front.
    """
    return first + 3 - 8 // lanes - late, 2 + late


def dct(transform: Transform, lanes: int = 1) -> int:
    """From a tile's first samples to its first coefficients."""
    if transform.n != 8:
        return gather(transform.n) + transpose(transform.n, transform.n) + gather(transform.n)
    return _eight(forward(transform.forward_rows), forward(transform.forward_columns), lanes)


def idct(transform: Transform, lanes: int = 1) -> int:
    """From a tile's first coefficients to its first samples."""
    if transform.n != 8:
        return scatter(transform.n) + transpose(transform.n, transform.n) + scatter(transform.n)
    first, second = transform.inverse_columns, transform.inverse_rows
    return _eight(inverse(first, lanes), inverse(second, lanes), lanes)


def _eight(first: int, second: int, lanes: int) -> int:
    beats = 8 // lanes
    wait, lag = corner(first, lanes)
    return (8 * beats - 1) + wait + (beats - 1) + lag + second + BATCH


def project(inputs: int) -> int:
    """From a pixel's first input to its first output: the pixel is collected, then walked."""
    return 2 * inputs - 1 + _SCALE


def quantise(config: CodecConfig) -> int:
    """From a coefficient to its field: the table answers, then the shift, then three cycles."""
    return 7 + -(-shift_width(config) // 2) + OUTLET


def pack(config: CodecConfig) -> int:
    """From the item that brings the first bit past a word to that word.

    The fields of an item are joined two by two, then shifted to their place in a word. The last
    word of a packet comes a cycle later after the packet's last item.
    """
    joined = 1
    for doubling in range(config.lanes.bit_length() - 1):
        places = (config.field.width << doubling).bit_length()
        joined += _shift(config, places - 1) + 1
    start = max(joined, 2, config.lanes.bit_length())
    places = (config.word_width - 1).bit_length()
    return start + _shift(config, places - 1) + 3 + OUTLET


def dequantise(config: CodecConfig) -> int:
    """From a field to its coefficient."""
    return -(-shift_width(config) // 2) + 1


def walk(config: CodecConfig) -> int:
    """From a packet's first word to where its first item of fields is.

    The packet's bank waits in a queue, then the tables answer, and the widths are summed up.
    """
    return OUTLET + 2 + 6 + (config.lanes.bit_length() - 1) + OUTLET


def unpack(config: CodecConfig) -> int:
    """From a packet's first word to its first item of fields."""
    return walk(config) + _cut(config) + OUTLET


def fetch(config: CodecConfig) -> int:
    """From a later word to the first item that it holds a bit of, if that item waits for it."""
    return OUTLET + _cut(config) + OUTLET


def _cut(config: CodecConfig) -> int:
    """From the words to the fields: all of an item, then its halves, and so on; then the signs."""
    cycles = 1 + _shift(config, (config.word_width - 1).bit_length())
    for doubling in range(config.lanes.bit_length() - 1):
        cycles += _shift(config, (config.field.width << doubling).bit_length())
    return cycles + 2


def _shift(config: CodecConfig, places: int) -> int:
    """Cycles of a shift by an amount of so many bits: two levels each, or three of many lanes."""
    return max(1, places // 2) if config.lanes > 2 else -(-places // 2)


def extent(width: int, tile: int) -> int:
    """What the first map of another size waits more, once those before it have left."""
    return tiles_across(width, tile) + 8


def strip(config: RasterConfig, width: int, channels: int, tile: int = 0) -> int:
    """From the first item of a row of tiles to the first one in the other order."""
    tile = tile or config.codec.tile
    across = tile // config.codec.lanes
    rows, chunk = (tile * channels, across) if config.planar else (tile, across * channels)
    lead = (rows - 1) * (tiles_across(width, tile) - 1) * chunk + MARGIN
    return lead + _TRANSPOSE + 1


def turn(config: RasterConfig, channels: int, tile: int = 0) -> int:
    """From the first item of a row of a tile to the first one in the other order."""
    across = (tile or config.codec.tile) // config.codec.lanes
    return turn_lead(across, channels) + _TRANSPOSE


def raster(config: RasterConfig, width: int, channels: int, tile: int = 0) -> int:
    """From a map's first item to that of its first tile group.

    *tile* is the size of its tiles where layers may choose. Add :func:`extent` where it applies.
    """
    turned = turn(config, channels, tile) if config.turns else 0
    return 1 + _PAD + strip(config, width, channels, tile) + turned


def unraster(config: RasterConfig, width: int, channels: int, tile: int = 0) -> int:
    """From the first item of a map's first tile group to that of its first row.

    If the map has a single item, that waits for the end of its row of tiles. Add :func:`extent`
    where it applies.
    """
    turned = turn(config, channels, tile) if config.turns else 0
    return 1 + turned + strip(config, width, channels, tile)


def encoder(config: CodecConfig, layer: Layer) -> int:
    """From a packet's first sample to its first word.

    The word leaves when the first bit past it has come, or the end of the packet, so the number
    depends on the tables. Add :data:`SETTLE` where it applies.
    """
    return next(_words(config, layer))


def decoder(config: CodecConfig, layer: Layer) -> int:
    """From a packet's first word to its first sample. Add :data:`SETTLE` where it applies."""
    tiled = layer.on(config)
    reorder = transpose(layer.channels, tiled.pixels // config.lanes) + VARY
    samples = (
        unpack(config) + dequantise(config) + idct(tiled.transform, config.lanes) + CLIP + reorder
    )
    return samples + (project(layer.channels) if layer.expand else 0)


def codec(config: CodecConfig, layer: Layer) -> int:
    """From a packet's first sample in to its first sample out, through both sides.

    The decoder follows the encoder word by word. Add :data:`SETTLE` for either side where it
    applies.
    """
    tiled = layer.on(config)
    fields = _fields(config, layer)
    coefficients = _later(fields, dequantise(config))
    samples = _later(_idct(coefficients, tiled.transform, config.lanes), CLIP)
    pixels = _swap(_later(samples, VARY), layer.channels, tiled.pixels // config.lanes)
    if not layer.expand:
        return pixels[0]
    return pixels[layer.channels - 1] + project(layer.channels) - (layer.channels - 1)


# What follows tells when each item of a tile group passes: a list of cycles, counted from the
# packet's first item. The groups after it come a whole period later each.


def _lead(rows: int, columns: int) -> int:
    """Number of the item that must have come before a matrix is read: see ``Transposer``."""
    return (rows - 1) * (columns - 1) + 2


def _later(cycles: Sequence[int], latency: int) -> list[int]:
    return [cycle + latency for cycle in cycles]


def _dct(cycles: Sequence[int], transform: Transform, lanes: int) -> list[int]:
    """Coefficients of tiles whose samples come in *cycles*."""
    n = transform.n
    if n != 8:
        return _gather(_swap(_gather(cycles, n), n, n), n)
    first, second = transform.forward_rows, transform.forward_columns
    return _turn(cycles, forward(first), forward(second), lanes)


def _idct(cycles: Sequence[int], transform: Transform, lanes: int) -> list[int]:
    """Samples of tiles whose coefficients come in *cycles*."""
    n = transform.n
    if n != 8:
        return _scatter(_swap(_scatter(cycles, n), n, n), n)
    first, second = transform.inverse_columns, transform.inverse_rows
    return _turn(cycles, inverse(first, lanes), inverse(second, lanes), lanes)


def _turn(cycles: Sequence[int], first: int, second: int, lanes: int) -> list[int]:
    """Items of tiles of eight, both passes: a tile is read without a pause once it may be."""
    wait, lag = corner(first, lanes)
    beats = 8 // lanes
    out: list[int] = []
    free = 0
    for end in range(8 * beats - 1, len(cycles), 8 * beats):
        free = max(free, cycles[end] + wait)
        for last in range(free + beats - 1, free + 8 * beats, beats):
            first_out = last + lag + second + BATCH
            out += range(first_out, first_out + beats)
        free += 8 * beats
    return out


def _gather(cycles: Sequence[int], n: int) -> list[int]:
    """Items of vectors, each of which starts to leave when its last item has come."""
    rest = gather(n) - (n - 1)
    return [cycles[k - k % n + n - 1] + rest + k % n for k in range(len(cycles))]


def _scatter(cycles: Sequence[int], n: int) -> list[int]:
    rest = scatter(n) - (n - 1)
    return [cycles[k - k % n + n - 1] + rest + k % n for k in range(len(cycles))]


def _swap(cycles: Sequence[int], rows: int, columns: int) -> list[int]:
    """Items of matrices, one a cycle, each when the item that it waits for has come."""
    size, lead = rows * columns, _lead(rows, columns)
    out: list[int] = []
    free = 0
    for start in range(0, len(cycles), size):
        for k in range(size):
            # A level decides a cycle later: right after another, an item is read one item early.
            if free < cycles[start + min(k + lead - 1, size - 1)] + _TRANSPOSE:
                free = max(free, cycles[start + min(k + lead, size - 1)] + _TRANSPOSE)
            out.append(free)
            free += 1
    return out


def _project(macs: int, projection: Projection, pixels: int) -> list[int]:
    """Outputs of *pixels* pixels: those of a pass in a row."""
    period = pixel_cycles(macs, projection.inputs, projection.outputs)
    between = max(projection.inputs, macs)
    first = project(projection.inputs)
    return [
        first + pixel * period + m // macs * between + m % macs
        for pixel in range(pixels)
        for m in range(projection.outputs)
    ]


def _words(config: CodecConfig, layer: Layer) -> Iterator[int]:
    """Words of a packet as they leave the encoder."""
    tiled = layer.on(config)
    pieces = tiled.pixels // config.lanes
    cycles: Sequence[int] = range(pieces * layer.channels)
    period = len(cycles)
    if layer.project:
        macs, inputs = config.project_macs, layer.project.inputs
        cycles = _project(macs, layer.project, tiled.pixels)
        period = tiled.pixels * pixel_cycles(macs, inputs, layer.channels)
    tiles = _swap(_later(cycles, VARY), pieces, layer.channels)
    coefficients = _dct(tiles, tiled.transform, config.lanes)
    fields = _later(coefficients, quantise(config))

    # Bits up to the end of every item of fields.
    ends = list(accumulate(_widths(config, layer)))
    bits = ends[-1]
    end = layer.groups * bits
    full = config.word_width
    while full < end:
        group, rest = divmod(full, bits)
        yield fields[bisect_right(ends, rest)] + group * period + pack(config)
        full += config.word_width
    yield fields[-1] + (layer.groups - 1) * period + pack(config) + 1


def _fields(config: CodecConfig, layer: Layer) -> list[int]:
    """Items of fields of a packet's first tile group, in a decoder that follows an encoder."""
    words = (cycle + STORE for cycle in _words(config, layer))
    came = [next(words)]
    free = came[0] + unpack(config)
    out = []
    end = 0
    for width in _widths(config, layer):
        end += width
        while width and len(came) * config.word_width < end:
            came.append(next(words))
            free = max(free, came[-1] + fetch(config))
        out.append(free)
        free += 1
    return out


def _widths(config: CodecConfig, layer: Layer) -> Iterator[int]:
    """Bits of all items of fields of a tile group."""
    for number in layer.index:
        widths = layer.tables[number].widths
        for first in range(0, len(widths), config.lanes):
            yield sum(widths[first : first + config.lanes])
