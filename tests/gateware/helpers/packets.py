"""Packets as the golden model makes them, for the benches of encoder, decoder and codec."""

from dataclasses import dataclass

import numpy as np

from tilefold.model.codec import decode, encode
from tilefold.model.dct import idct
from tilefold.model.level import clip
from tilefold.model.pack import unpack
from tilefold.model.quantise import channel_tables, dequantise
from tilefold_hw.budget import packet_words
from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Layer


@dataclass
class Packet:
    """A packet on its way through a codec."""

    config: CodecConfig
    layer: Layer
    #: ``int[groups, pixels, channels]``
    samples: np.ndarray
    #: Words as integers.
    words: list[int]
    #: Coefficients that their width could not hold.
    saturated: int
    #: ``int[groups, pixels, channels]``
    restored: np.ndarray
    #: Samples that the clip changed.
    clipped: int

    @property
    def tiles(self):
        return self.layer.groups * self.layer.channels


def packet(config, layer, samples=None, seed=0):
    """Send *samples*, or random ones, through the golden model."""
    shape = (layer.groups, layer.on(config).pixels, layer.channels_in)
    if samples is None:
        rng = np.random.default_rng(seed)
        samples = rng.integers(config.sample.min, config.sample.max + 1, shape)
    samples = np.broadcast_to(samples, shape)
    encoded = encode(config, layer, samples)
    return _finish(config, layer, encoded.words, samples, encoded.saturated)


def decoded(config, layer, words=None, seed=0):
    """Send *words*, or random ones, through the decoder's half of the golden model."""
    size = config.word_width // 8
    if words is None:
        rng = np.random.default_rng(seed)
        array = rng.integers(0, 256, (packet_words(config, layer), size), dtype=np.uint8)
    else:
        data = b"".join(word.to_bytes(size, "little") for word in words)
        array = np.frombuffer(data, dtype=np.uint8).reshape(-1, size)
    return _finish(config, layer, array)


def _finish(config, layer, words, samples=None, saturated=0):
    tiled = layer.on(config)
    widths, shifts = channel_tables(layer)
    fields = unpack(words, widths.ravel(), layer.groups)
    coefficients = dequantise(fields.reshape(layer.groups, *widths.shape), shifts, tiled)
    tiles = idct(coefficients, tiled.transform)
    offset = 0 if config.sample_signed else 1 << config.sample_width - 1
    return Packet(
        config,
        layer,
        samples,
        [int.from_bytes(word.tobytes(), "little") for word in words],
        saturated,
        decode(config, layer, words),
        int(np.count_nonzero(clip(tiles, config, layer.clip) != tiles + offset)),
    )


def samples_of(packets):
    """What an encoder is sent."""
    return np.concatenate([p.samples.ravel() for p in packets])


def words_of(packets):
    """What an encoder sends."""
    words = [word for p in packets for word in p.words]
    return words, lasts(len(p.words) for p in packets)


def restored_of(packets):
    """What a decoder sends."""
    samples = np.concatenate([p.restored.ravel() for p in packets])
    return samples, lasts(p.restored.size for p in packets)


def lasts(sizes):
    """``last`` of packets of these sizes."""
    return np.concatenate([np.arange(size) == size - 1 for size in sizes])
