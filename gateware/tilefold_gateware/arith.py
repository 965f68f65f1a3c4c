"""Arithmetic of the circuits: shapes from formats, the one rounding, saturation."""

from amaranth.hdl import Cat, Const, Mux, Shape, Value, signed, unsigned

from tilefold_hw.fixed import Q


def shape(q: Q) -> Shape:
    """Shape of a signal that holds raw integers of format *q*."""
    return signed(q.width) if q.signed else unsigned(q.width)


def round_shift(value: Value, shift: int) -> Value:
    """Divide by ``2**shift`` and round to the nearest integer, half up. Grows by a bit, no more."""
    return (value + (1 << shift >> 1)) >> shift


def add_or_subtract(a: Value, b: Value, subtract: Value) -> Value:
    """Return ``a - b`` if *subtract*, else ``a + b``, by one chain of carries."""
    b = b ^ subtract.replicate(len(b)).as_signed()
    return (Cat(Const(1, 1), a).as_signed() + Cat(subtract, b).as_signed()) >> 1


def clamp(value: Value, low: Value | int, high: Value | int) -> Value:
    """Clamp *value* to a range."""
    return Mux(value < low, low, Mux(value > high, high, value))


def saturate(value: Value, q: Q) -> Value:
    """Clamp *value* to the range of format *q*."""
    return clamp(value, q.min, q.max)
