"""Barrel shifters: a level of multiplexers for each bit of the amount, two levels a cycle."""

from amaranth.hdl import Module, Mux, Signal, Value, signed, unsigned

from .pipeline import delay


def shift_cycles(places: int, *, dense: bool = False) -> int:
    """Cycles of a shift by an amount of so many bits.

    An odd level has a cycle of its own, or, if it must be *dense*, goes with the narrowest two.
    """
    return max(1, places // 2) if dense else -(-places // 2)


def shift_left(m: Module, value: Value, amount: Value, width: int, *, dense: bool = False) -> Value:
    """Return ``value << amount``, cut to *width* bits, :func:`shift_cycles` later.

    The finest levels come first, while there are few bits.
    """
    groups = _pairs(range(len(amount)), dense and len(amount) % 2)
    return _shift(m, value, amount, groups, width)


def shift_right(
    m: Module, value: Value, amount: Value, width: int, *, dense: bool = False
) -> Value:
    """Return ``value >> amount``, cut to *width* bits, :func:`shift_cycles` later.

    The coarsest levels come first: they leave no more bits than the finer ones need.
    """
    groups = _pairs(range(len(amount))[::-1])
    if dense and len(groups[-1]) == 1 < len(groups):
        groups[-2:] = [groups[-2] + groups[-1]]
    return _shift(m, value, amount, groups, width, right=True)


def _pairs(levels, odd=0):
    """Levels of every cycle: two, and in the first *odd* more."""
    levels = list(levels)
    first = 2 + odd
    return [levels[:first]] + [levels[k : k + 2] for k in range(first, len(levels), 2)]


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
