"""Packer: fields of known widths, least significant bit first, with no gap, into memory words."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .arith import Ints

Words = NDArray[np.uint8]
"""Memory words: ``uint8[words, word_width / 8]``, least significant byte first."""

_SLOT = 16  # bits of a field before it is cut
_CHUNK = 1 << 20  # fields expanded to single bits at a time


def pack(fields: Ints, widths: Ints, word_width: int) -> Words:
    """Pack the fields of a packet.

    Parameters
    ----------
    fields : int[G, F]
        Fields of *G* tile groups, each within its width.
    widths : int[F]
        Width of every field of a group, 0 to 16.
    word_width : int
        Bits of a word; a multiple of 8.

    Returns
    -------
    uint8[words, word_width / 8]
        ``words = max(1, ⌈G · Σ widths / word_width⌉)``; the last one is padded with zeros.
    """
    keep = (np.arange(_SLOT) < widths[:, None]).ravel()
    chosen = np.flatnonzero(keep)
    parts = []
    for chunk in _chunks(len(fields), len(widths)):
        slots = fields[chunk].astype("<i2").view(np.uint8).reshape(-1, 2 * len(widths))
        bits = np.unpackbits(slots, axis=1, bitorder="little")
        parts.append(np.packbits(bits.take(chosen, axis=1), bitorder="little"))
    stored = np.concatenate(parts)
    words = max(1, -(-len(fields) * len(chosen) // word_width))
    padded = np.zeros(words * word_width // 8, dtype=np.uint8)
    padded[: len(stored)] = stored
    return padded.reshape(words, -1)


def unpack(words: Words, widths: Ints, groups: int) -> Ints:
    """Unpack the fields of a packet: the inverse of :func:`pack`.

    Parameters
    ----------
    words : uint8[words, word_width / 8]
        The packet.
    widths : int[F]
        Width of every field of a group.
    groups : int
        Tile groups in the packet.

    Returns
    -------
    int32[G, F]
        Fields; 0 where the width is 0.
    """
    per_group = int(widths.sum())
    expected = max(1, -(-groups * per_group // (8 * words.shape[-1])))
    if len(words) != expected:
        raise ValueError(f"a packet of this layer must have {expected} words, not {len(words)}")
    stored = np.concatenate([words.ravel(), np.zeros(1, dtype=np.uint8)])
    # Where each bit of a slot comes from: its own place, the sign bit past its width, and a
    # column of zeros where nothing is stored.
    starts = np.cumsum(widths) - widths
    source = starts[:, None] + np.minimum(np.arange(_SLOT), widths[:, None] - 1)
    source[widths == 0] = per_group
    parts = []
    for chunk in _chunks(groups, len(widths)):
        count = chunk.stop - chunk.start
        first = chunk.start * per_group // 8  # whole: a chunk starts at a multiple of 8 groups
        bits = np.unpackbits(stored[first:], count=count * per_group, bitorder="little")
        table = np.zeros((count, per_group + 1), dtype=np.uint8)
        table[:, :per_group] = bits.reshape(count, per_group)
        slots = np.packbits(table.take(source.ravel(), axis=1), axis=1, bitorder="little")
        parts.append(slots.view("<i2").astype(np.int32))
    return np.concatenate(parts)


def _chunks(groups: int, fields: int) -> Iterator[slice]:
    """Slices of the groups, each but the last a multiple of 8: it then ends on a whole byte."""
    step = max(8, _CHUNK // fields // 8 * 8)
    for start in range(0, groups, step):
        yield slice(start, min(start + step, groups))
