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

OUTLET = 2
"""From the end of a pipeline through the queue behind it."""

SLUICE = 3
"""From the end of a projector's pipeline through the queue behind it."""

QUANTISE = 7 + OUTLET
"""From a coefficient to its field."""

DESLUICE = 3
"""From the end of a projector's pipeline through the queue behind it."""

QUANTISE = 2 + OUTLET
"""From a field to its coefficient."""

CLIP = 2 + OUTLET
"""From a restored sample to itself, clipped."""

PACK = 3 + OUTLET
"""From the field that brings the first bit past a word to that word. The last word of a packet
comes a cycle later after the packet's last field."""

UNPACK = 12
"""From a packet's first word to its first field."""

FETCH = 8
"""From a later word to the first field that it holds a bit of, if that field waits for it."""

STORE = 2
"""Through the memory between an encoder and a decoder."""

SETTLE = 3
"""What the first packet with another number of channels waits more, once the memory that reorders
has drained; at the decoder, and at an encoder behind a projector. (An encoder without one does not
take the packet's first sample before.)"""

# From the item that a transposition waits for to the first item out.
_TRANSPOSE = 3 + OUTLET

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


def dct(n: int) -> int:
    """From a tile's first sample to its first coefficient."""
    return gather(n) + transpose(n, n) + gather(n)


def idct(n: int) -> int:
    """From a tile's first coefficient to its first sample."""
    return scatter(n) + transpose(n, n) + scatter(n)


def project(inputs: int) -> int:
    """From a pixel's first input to its first output: the pixel is collected, then walked."""
    return 2 * inputs - 1 + _SCALE


def encoder(config: CodecConfig, layer: Layer) -> int:
    """From a packet's first sample to its first word.

    The word leaves when the first bit past it has come, or the end of the packet, so the number
    depends on the tables. Add :data:`SETTLE` where it applies.
    """
    return next(_words(config, layer))


def decoder(config: CodecConfig, layer: Layer) -> int:
    """From a packet's first word to its first sample. Add :data:`SETTLE` where it applies."""
    reorder = transpose(layer.channels, config.pixels)
    samples = UNPACK + DEQUANTISE + idct(config.tile) + CLIP + reorder
    return samples + (project(layer.channels) if layer.expand else 0)


def codec(config: CodecConfig, layer: Layer) -> int:
    """From a packet's first sample in to its first sample out, through both sides.

    The decoder follows the encoder word by word. Add :data:`SETTLE` for either side where it
    applies.
    """
    fields = _fields(config, layer)
    coefficients = _later(fields, DEQUANTISE)
    middle = _swap(_scatter(coefficients, config.tile), config.tile, config.tile)
    samples = _later(_scatter(middle, config.tile), CLIP)
    pixels = _swap(samples, layer.channels, config.pixels)
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
    size = config.pixels * layer.channels
    cycles: Sequence[int] = range(size)
    period = size
    if layer.project:
        macs, inputs = config.project_macs, layer.project.inputs
        cycles = _project(macs, layer.project, config.pixels)
        period = config.pixels * pixel_cycles(macs, inputs, layer.channels)
    rows = _gather(_swap(cycles, config.pixels, layer.channels), config.tile)
    coefficients = _gather(_swap(rows, config.tile, config.tile), config.tile)
    fields = _later(coefficients, QUANTISE)

    # Bits up to the end of every field.
    ends = list(accumulate(_widths(layer)))
    bits = ends[-1]
    end = layer.groups * bits
    full = config.word_width
    while full < end:
        group, rest = divmod(full, bits)
        yield fields[bisect_right(ends, rest)] + group * period + PACK
        full += config.word_width
    yield fields[-1] + (layer.groups - 1) * period + PACK + 1


def _fields(config: CodecConfig, layer: Layer) -> list[int]:
    """Fields of a packet's first tile group as they leave a decoder that follows an encoder."""
    words = (cycle + STORE for cycle in _words(config, layer))
    came = [next(words)]
    free = came[0] + UNPACK
    out = []
    end = 0
    for width in _widths(layer):
        end += width
        while width and len(came) * config.word_width < end:
            came.append(next(words))
            free = max(free, came[-1] + FETCH)
        out.append(free)
        free += 1
    return out


def _widths(layer: Layer) -> Iterator[int]:
    """Widths of all fields of a tile group."""
    for number in layer.index:
        yield from layer.tables[number].widths
