"""Maps and words as the bytes that a link carries, and back."""

import numpy as np

from tilefold_hw.config import CodecConfig
from tilefold_hw.fixed import Q
from tilefold_hw.layer import Layer

from ..model.arith import Ints
from ..model.pack import Words
from ..model.reorder import from_beats, to_beats


def samples_to_bytes(config: CodecConfig, groups: Ints) -> bytes:
    """Tile groups, ``int[G, n·n, C]``, as an encoder takes them: whole bytes a sample."""
    return to_beats(config, groups).astype(_type(config.sample)).tobytes()


def bytes_to_samples(config: CodecConfig, data: bytes, channels: int) -> Ints:
    """Return the tile groups, ``int32[G, n·n, C]``, that a decoder gives as *data*.

    *config* is that of the layer: :meth:`~tilefold_hw.layer.Layer.on`.
    """
    beats = np.frombuffer(data, _type(config.restored)).astype(np.int32)
    return from_beats(config, beats.reshape(-1, config.lanes), channels)


def restored_bytes(config: CodecConfig, layer: Layer) -> int:
    """Bytes that a packet is restored to."""
    samples = layer.groups * layer.on(config).pixels * layer.channels_out
    return samples * _type(config.restored).itemsize


def bytes_to_words(config: CodecConfig, data: bytes) -> Words:
    """Words, ``uint8[words, word_width / 8]``, as the golden model has them."""
    return np.frombuffer(data, np.uint8).reshape(-1, config.word_width // 8)


def sample_bits(config: CodecConfig, beats: Ints) -> Words:
    """Items of restored samples, ``int[items, lanes]``, as the bits that they are: a row each.

    ``uint8[items, bytes]``: the lanes close together, the first lowest, zeros on top.
    """
    width = config.restored.width
    bits = beats[:, :, np.newaxis] >> np.arange(width) & 1
    return np.packbits(bits.reshape(len(beats), -1).astype(np.uint8), axis=1, bitorder="little")


def _type(q: Q) -> np.dtype[np.signedinteger]:
    """Whole bytes, the least first."""
    size = 1 if q.width <= 8 else 2 if q.width <= 16 else 4
    return np.dtype(f"<{'i' if q.signed else 'u'}{size}")
