"""Maps and words as the bytes that a link carries, and back."""

import numpy as np

from tilefold_hw.config import CodecConfig
from tilefold_hw.fixed import Q
from tilefold_hw.layer import Layer

from ..model.arith import Ints
from ..model.pack import Words
from ..model.reorder import from_beats, to_beats

_WIDEST = 4  # bytes of a sample in between


def samples_to_bytes(config: CodecConfig, groups: Ints) -> bytes:
    """Tile groups, ``int[G, n·n, C]``, as an encoder takes them: whole bytes a sample."""
    beats = to_beats(config, groups)
    return _bytes(beats)[..., : _size(config.sample)].tobytes()


def bytes_to_samples(config: CodecConfig, data: bytes, channels: int) -> Ints:
    """Return the tile groups, ``int32[G, n·n, C]``, that a decoder gives as *data*.

    *config* is that of the layer: :meth:`~tilefold_hw.layer.Layer.on`.
    """
    size = _size(config.restored)
    samples = np.frombuffer(data, np.uint8).reshape(-1, size)
    # The bytes that are there go on top, so that shifting brings the sign down.
    padded = np.pad(samples, ((0, 0), (_WIDEST - size, 0)))
    beats = padded.view("<i4").reshape(-1, config.lanes) >> 8 * (_WIDEST - size)
    return from_beats(config, beats.astype(np.int32), channels)


def restored_bytes(config: CodecConfig, layer: Layer) -> int:
    """Bytes that a packet is restored to."""
    samples = layer.groups * layer.on(config).pixels * layer.channels_out
    return samples * _size(config.restored)


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


def _size(q: Q) -> int:
    """Whole bytes that hold a sample."""
    return -(-q.width // 8)


def _bytes(values: Ints) -> Words:
    """Each value as four bytes, the least first."""
    return values.astype("<i4")[..., np.newaxis].view(np.uint8)
