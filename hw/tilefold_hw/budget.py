"""The budget: what a layer stores and how long it takes, known before any data is seen."""

from .config import CodecConfig
from .layer import Layer


def group_bits(layer: Layer) -> int:
    """Stored bits of a tile group: a tile of every channel."""
    return sum(layer.tables[number].bits for number in layer.index)


def packet_bits(layer: Layer) -> int:
    """Stored bits of a packet, without the padding of its last word."""
    return layer.groups * group_bits(layer)


def packet_words(config: CodecConfig, layer: Layer) -> int:
    """Memory words of a packet.

    ``⌈packet_bits / word_width⌉``, and at least one: a packet ends with ``last``, which needs a
    word to stand on even where every coefficient is dropped.
    """
    return max(1, -(-packet_bits(layer) // config.word_width))


def bits_per_value(config: CodecConfig, layer: Layer, values: int | None = None) -> float:
    """Guaranteed bits a value, the padding of the last word included.

    *values* is the number of values of the map that the packet holds; left out, it is the number
    that goes through, which counts the padding of a map to whole tiles as values.
    """
    if values is None:
        values = packet_samples(config, layer)
    return packet_words(config, layer) * config.word_width / values


def packet_samples(config: CodecConfig, layer: Layer) -> int:
    """Samples of a packet at the encoder's input."""
    return layer.groups * layer.on(config).pixels * layer.channels_in


def packet_cycles(config: CodecConfig, layer: Layer) -> int:
    """Cycles between the starts of two packets in a row, encoder or decoder, nobody waiting.

    *lanes* samples a cycle, unless a projector needs longer for a pixel. Where the number of
    channels or the size of a tile changes, the packet before drains first.
    """
    pixel = max(layer.channels_in, layer.channels, layer.channels_out)
    for macs, projection in (
        (config.project_macs, layer.project),
        (config.expand_macs, layer.expand),
    ):
        if projection:
            pixel = max(pixel, pixel_cycles(macs, projection.inputs, projection.outputs))
    return layer.groups * layer.on(config).pixels // config.lanes * pixel


def pixel_cycles(macs: int, inputs: int, outputs: int) -> int:
    """Cycles that a projector with *macs* multipliers needs for a pixel.

    It computes *macs* outputs at a time, a pass over the inputs each, while the outputs of the
    pass before leave one a cycle.
    """
    passes = -(-outputs // macs)
    rest = outputs - (passes - 1) * macs
    return (passes - 1) * max(inputs, macs) + max(inputs, rest)
