"""Huffman coding: the shortest codes of limited length over integer symbols."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..model.arith import Ints
from .coder import Counts

Bytes = NDArray[np.uint8]

LIMIT = 32
"""Bits that a code may have at most: as many as a decoder looks at."""

_FALLING = np.arange(LIMIT - 1, -1, -1)


def code_lengths(counts: Counts, limit: int = LIMIT) -> Counts:
    """Lengths of the codes that make data of these counts shortest, among those within *limit*.

    Parameters
    ----------
    counts : int[S]
        How often each symbol is seen.
    limit : int
        Bits that a code has at most, up to 32.

    Returns
    -------
    int64[S]
        0 for a symbol that is never seen. A symbol that is alone gets 1.

    Raises
    ------
    ValueError
        If the limit is too tight for so many symbols.

    Source
    ------
    Larmore and Hirschberg 1990: package-merge. Where no code of Huffman's (1952) is longer than
    the limit, the data gets as short as with his.

    >>> code_lengths(np.array([5, 0, 2, 1, 1])).tolist()
    [1, 0, 2, 3, 3]
    """
    counts = np.asarray(counts, dtype=np.int64)
    if counts.ndim != 1 or (counts < 0).any():
        raise ValueError("counts must be a row of numbers from 0 on")
    seen = np.flatnonzero(counts)
    least = max(1, (len(seen) - 1).bit_length())
    if not least <= limit <= LIMIT:
        raise ValueError(
            f"limit must be {least} to {LIMIT} bits for {len(seen)} symbols, not {limit}"
        )
    lengths = np.zeros(len(counts), dtype=np.int64)
    if len(seen) < 2:
        lengths[seen] = 1
        return lengths

    # A level holds a coin of each symbol and the pairs of the level below, by weight.
    order = seen[np.argsort(counts[seen], kind="stable")]
    coins = weights = counts[order]
    levels = [np.ones(len(coins), dtype=bool)]  # which are coins
    for _ in range(limit - 1):
        pairs = weights[: len(weights) // 2 * 2].reshape(-1, 2).sum(axis=1)
        both = np.concatenate([coins, pairs])
        by_weight = np.argsort(both, kind="stable")
        weights = both[by_weight]
        levels.append(by_weight < len(coins))
    # The lightest 2 S - 2 of the top level are taken, and all that their pairs are made of. A code
    # is as long as its symbol has coins among them.
    taken = 2 * len(coins) - 2
    for are_coins in reversed(levels):
        own = int(np.count_nonzero(are_coins[:taken]))
        lengths[order[:own]] += 1
        taken = 2 * (taken - own)
    return lengths


def least_bits(counts: Counts, limit: int = LIMIT) -> int:
    """Bits of data of these counts, ``int[S]``, under the code made for it, table not counted."""
    return int(np.asarray(counts, dtype=np.int64) @ code_lengths(counts, limit))


@dataclass(frozen=True, eq=False)
class Code:
    """A prefix code of the symbols 0, 1, 2 and so on.

    Codes stand in bytes one behind the other, from the most significant bit on.
    """

    #: int64[S]: bits of each symbol's code, up to 32; 0 for a symbol without.
    lengths: Counts
    #: int64[S]: the codes as numbers.
    codes: Counts

    @classmethod
    def canonical(cls, lengths: Counts) -> "Code":
        """Make codes from their lengths alone: shorter ones first, those of one length by symbol.

        Raises
        ------
        ValueError
            If no code has such lengths.

        Source
        ------
        Schwartz and Kallick 1964.
        """
        order = _canonical_order(lengths)
        if not len(order) or lengths.max() > LIMIT or lengths.min() < 0:
            raise ValueError(f"lengths of codes must be 0 to {LIMIT} bits, and not all 0")
        spans = 1 << LIMIT - lengths[order]
        ends = np.cumsum(spans)
        if ends[-1] > 1 << LIMIT:
            raise ValueError("lengths of codes must leave a code for every symbol")
        codes = np.zeros(len(lengths), dtype=np.int64)
        codes[order] = ends - spans >> LIMIT - lengths[order]
        return cls(lengths, codes)

    @cached_property
    def _sorted(self) -> tuple[Counts, Counts]:
        """Symbols in the order of their codes, and these with zeros behind them to 32 bits."""
        symbols = np.flatnonzero(self.lengths)
        starts = self.codes[symbols] << LIMIT - self.lengths[symbols]
        order = np.argsort(starts)
        return symbols[order], starts[order]

    def encode(self, symbols: Ints) -> Bytes:
        """Encode ``int[n]`` to ``uint8[bytes]``, the last one filled up with zeros.

        Raises
        ------
        ValueError
            If a symbol has no code.
        """
        without = symbols[self.lengths[symbols] == 0]
        if len(without):
            raise ValueError(f"symbols must be such as have codes, not {without[0]}")
        return write(self.codes[symbols], self.lengths[symbols])

    def decode(self, stored: Bytes, count: int, start: int = 0) -> Counts:
        """Decode *count* symbols that begin at bit *start*, the last of *stored*: ``int64[count]``.

        Raises
        ------
        ValueError
            If *stored* is shorter or longer.
        """
        symbols, starts = self._sorted
        found = np.searchsorted(starts, read(stored), side="right") - 1
        steps = self.lengths[symbols][found].tolist()
        places: list[int] = []
        while len(places) < count and start < len(steps):
            places.append(start)
            start += steps[start]
        if len(places) < count or len(stored) != -(-start // 8):
            raise ValueError(f"bytes must hold {count} symbols, and nothing else")
        return symbols[found[places]]


@dataclass(frozen=True, slots=True)
class Table:
    """How a code is told: how many codes have each length, then the symbols in canonical order.

    A count has a bit more than a symbol, because all symbols may have codes of one length.

    Source
    ------
    The tables of JPEG (ITU-T T.81, B.2.4.2), where both have 8 bits.
    """

    #: Bits of a symbol.
    width: int
    #: Bits that a code has at most.
    limit: int

    def bits(self, lengths: Counts) -> int:
        """Bits of the table of a code with these lengths."""
        return self.limit * (self.width + 1) + int(np.count_nonzero(lengths)) * self.width

    def fields(self, lengths: Counts) -> tuple[Counts, Counts]:
        """Values and widths to :func:`write`."""
        order = _canonical_order(lengths)
        counts = np.bincount(lengths[order], minlength=self.limit + 1)[1:]
        widths = np.repeat([self.width + 1, self.width], [self.limit, len(order)])
        return np.concatenate([counts, order]), widths

    def lengths(self, stored: Bytes) -> Counts:
        """Read what :meth:`fields` tells: the lengths of ``2**width`` codes.

        Raises
        ------
        ValueError
            If *stored* is too short to begin with a table.
        """
        windows = read(stored)
        heads = self.limit * (self.width + 1)
        counts = windows[: heads : self.width + 1] >> LIMIT - self.width - 1
        symbols = windows[heads : heads + int(counts.sum()) * self.width : self.width]
        if heads + int(counts.sum()) * self.width > len(windows):
            raise ValueError("bytes must begin with the whole table of a code")
        lengths = np.zeros(1 << self.width, dtype=np.int64)
        lengths[symbols >> LIMIT - self.width] = np.repeat(np.arange(1, self.limit + 1), counts)
        return lengths


def write(values: Counts, widths: Counts) -> Bytes:
    """Write values one behind the other, the highest of their bits first: ``uint8[bytes]``."""
    bits = (values[:, np.newaxis] >> _FALLING & 1).astype(np.uint8)
    return np.packbits(bits[widths[:, np.newaxis] > _FALLING])


def read(stored: Bytes) -> Counts:
    """Read 32 bits from every bit on, with zeros behind the end: ``int64[bits]``."""
    padded = np.pad(stored.astype(np.int64), (0, 4))
    wide = np.zeros(len(stored), dtype=np.int64)
    for n in range(5):
        wide |= padded[n : n + len(stored)] << 8 * (4 - n)
    windows: Counts = (wide[:, np.newaxis] >> np.arange(8, 0, -1) & (1 << LIMIT) - 1).ravel()
    return windows


def _canonical_order(lengths: Counts) -> Counts:
    symbols = np.flatnonzero(lengths)
    return symbols[np.argsort(lengths[symbols], kind="stable")]
