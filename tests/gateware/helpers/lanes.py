"""Items of several lanes, as the benches send and receive them."""

import numpy as np


def joined(values, lanes, bits):
    """Items that carry *lanes* consecutive *values* of so many bits each."""
    values = np.asarray(values)
    if lanes == 1:
        return values
    mask = (1 << bits) - 1
    groups = [(int(value) & mask for value in group) for group in values.reshape(-1, lanes)]
    items = [sum(value << k * bits for k, value in enumerate(group)) for group in groups]
    return np.array(items, dtype=object)


def parted(items, lanes, bits, *, signed):
    """Values that *items* carry: the inverse of :func:`joined`."""
    if lanes == 1:
        return np.asarray(items)
    mask, sign = (1 << bits) - 1, 1 << bits - 1 if signed else 0
    values = [
        ((int(item) >> k * bits & mask) ^ sign) - sign for item in items for k in range(lanes)
    ]
    return np.array(values)
