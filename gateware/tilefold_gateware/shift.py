"""Barrel shifters: a level of multiplexers for each bit of the amount, a few levels a cycle."""

from amaranth.hdl import Module, Mux, Signal, Value, signed, unsigned

from .pipeline import delay

LEVELS = 2
"""Levels in a cycle, if not said otherwise: more are slower, and no smaller."""


def shift_cycles(amount: int, levels: int = LEVELS) -> int:
    """Cycles of a shift by an amount of *amount* bits."""
    return -(-amount // levels)


def shift_left(m: Module, value: Value, amount: Value, width: int, levels: int = LEVELS) -> Value:
    """Return ``value << amount``, cut to *width* bits, :func:`shift_cycles` later.

    The finest levels come first, while there are few bits.
    """
    places = range(len(amount))
    return _shift(m, value, amount, [places[k : k + levels] for k in places[::levels]], width)


def shift_right(m: Module, value: Value, amount: Value, width: int, levels: int = LEVELS) -> Value:
    """Return ``value >> amount``, cut to *width* bits, :func:`shift_cycles` later.

    The coarsest levels come first: they leave no more bits than the finer ones need.
    """
    places = range(len(amount))[::-1]
    groups = [places[k : k + levels] for k in range(0, len(places), levels)]
    return _shift(m, value, amount, groups, width, right=True)


def _shift(m, value, amount, groups, width, *, right=False):
    kind = signed if value.shape().signed else unsigned
    for number, group in enumerate(groups):
        held = delay(m, amount, number)
        for level in group:
            # Bits that the levels after this one need.
            most = width + (1 << level) - 1 if right else width
            moved = value >> (1 << level) if right else value << (1 << level)
            chosen = Mux(held[level], moved, value)
            chosen = chosen[: min(len(chosen), most)]
            value = chosen.as_signed() if kind is signed else chosen
        stage = Signal(kind(len(value)), name="shifted")
        m.d.sync += stage.eq(value)
        value = stage
    return value
