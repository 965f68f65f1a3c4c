"""Fixed-point formats: how many bits a number has, and what they are worth.

``SQ(i, f)`` is two's complement with *i* integer bits **including the sign** and *f* fraction
bits; ``UQ(i, f)`` is unsigned. A raw integer *r* in either is worth ``r * 2**-f``.

Signals and arrays everywhere hold raw integers; a format is the note that says how to read them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class Q:
    """Fixed-point format, with exact arithmetic on formats.

    Adding or multiplying two formats gives one that holds *every* result:

    >>> SQ(8, 0) + SQ(8, 0)
    SQ(9, 0)
    >>> SQ(8, 0) * SQ(2, 6)
    SQ(10, 6)
    >>> SQ(10, 6).sum_of(8)
    SQ(13, 6)
    """

    #: Integer bits, the sign included.
    i: int
    #: Fraction bits.
    f: int
    #: Two's complement or unsigned.
    signed: bool

    def __post_init__(self) -> None:
        if self.f < 0:
            raise ValueError(f"Fixed-point format must have 0 or more fraction bits, not {self.f}")
        if self.width < 1:
            raise ValueError(f"Fixed-point format must have a positive width, not {self!r}")

    @property
    def width(self) -> int:
        """Width in bits."""
        return self.i + self.f

    @property
    def min(self) -> int:
        """Smallest raw integer."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def max(self) -> int:
        """Largest raw integer."""
        return (1 << (self.width - self.signed)) - 1

    def sum_of(self, n: int) -> "Q":
        """Format of the exact sum of *n* terms."""
        return Q(self.i + (n - 1).bit_length(), self.f, self.signed)

    def __add__(self, other: "Q") -> "Q":
        signed = self.signed or other.signed
        i = max(q.i + (signed and not q.signed) for q in (self, other))
        return Q(i + 1, max(self.f, other.f), signed)

    def __mul__(self, other: "Q") -> "Q":
        return Q(self.i + other.i, self.f + other.f, self.signed or other.signed)

    def __repr__(self) -> str:
        return f"{'SQ' if self.signed else 'UQ'}({self.i}, {self.f})"


def SQ(i: int, f: int = 0) -> Q:
    """Signed format with *i* integer bits, the sign included, and *f* fraction bits."""
    return Q(i, f, signed=True)


def UQ(i: int, f: int = 0) -> Q:
    """Unsigned format with *i* integer bits and *f* fraction bits."""
    return Q(i, f, signed=False)


def holding(low: int, high: int, f: int = 0) -> Q:
    """Narrowest signed format with *f* fraction bits that holds every raw integer of a range.

    >>> holding(-1024, 1016)
    SQ(11, 0)
    """
    width = max((~low if low < 0 else low).bit_length(), (~high if high < 0 else high).bit_length())
    return SQ(width + 1 - f, f)


def round_shift(value: int, shift: int) -> int:
    """Divide by ``2**shift`` and round to the nearest integer, half up.

    >>> [round_shift(value, 1) for value in (-3, -1, 1, 3)]
    [-1, 0, 1, 2]
    """
    return (value + (1 << shift >> 1)) >> shift
