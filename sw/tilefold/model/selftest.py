"""The self-test's arithmetic: its pattern, and the signature of what became of it."""

import numpy as np

from tilefold_hw.config import CodecConfig
from tilefold_hw.device import (
    PATTERN,
    PATTERN_ROTATION,
    PATTERN_SHIFTS,
    POLYNOMIAL,
    SIGNATURE,
)

from .arith import Ints
from .pack import Words

_MASK = 0xFFFF_FFFF


def pattern(config: CodecConfig, items: int) -> Ints:
    """Return the first items of the pattern: ``int32[items, lanes]``, samples.

    Source: Marsaglia 2003, "Xorshift RNGs", 32 bits.
    """
    left, right, again = PATTERN_SHIFTS
    states = np.empty(items, dtype=np.uint64)
    state = PATTERN
    for item in range(items):
        states[item] = state
        state ^= state << left & _MASK
        state ^= state >> right
        state ^= state << again & _MASK
    turns = np.arange(config.lanes, dtype=np.uint64) * np.uint64(PATTERN_ROTATION) % np.uint64(32)
    doubled = (states << np.uint64(32) | states)[:, np.newaxis]
    samples = (doubled >> (np.uint64(32) - turns)).astype(np.int64)
    width = config.sample.width
    samples &= (1 << width) - 1
    if config.sample.signed:
        samples -= (samples >> width - 1) << width
    return samples.astype(np.int32)


def signature(rows: Words, state: int = SIGNATURE) -> int:
    """Return the signature of items: a multiple-input signature register of 32 bits.

    Parameters
    ----------
    rows : uint8[items, bytes]
        Bits of each item, the least significant byte first.
    """
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))
    folded = np.bitwise_xor.reduce(padded.view("<u4"), axis=1)
    for item in folded.tolist():
        state = (state << 1 & _MASK) ^ (POLYNOMIAL if state >> 31 else 0) ^ item
    return state
