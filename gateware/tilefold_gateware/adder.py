"""Adders whose second operand is chosen, or negated, by the chain of carries itself."""

from amaranth.hdl import Cat, Const, Instance, Module, Mux, Signal, ValueLike, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .multiplier import has_dsp18

# Lookup tables of CCU2C that make ``A + x``. Their lowest four bits, those where D and C are 0, say
# where a carry comes from, too: x must be 0 there.
_EITHER = 0x665A  # x = B if D else C
_NEGATED = 0x96AA  # x = B ^ C, if D is 1


class _Adder(wiring.Component):
    def __init__(self, width: int, **ports: wiring.Member):
        self.width = width
        number = signed(width)
        super().__init__({"a": In(number), "b": In(number), "o": Out(number), **ports})

    def elaborate(self, platform):
        m = Module()
        if has_dsp18(platform):
            self._primitives(m)
        else:
            m.d.comb += self.o.eq(self._inferred())
        return m

    def _chain(self, m, table, carry, *operands):
        """Sum by CCU2Cs, two bits each. *operands* are for A, B, C and D."""
        total = Signal(self.width + self.width % 2)
        even = [Cat(x, x[-1]) for x in operands]
        for k in range(0, self.width, 2):
            onward = Signal(name=f"carry_{k + 2}")
            m.submodules[f"bits_{k}"] = Instance(
                "CCU2C",
                p_INIT0=Const(table, 16),
                p_INIT1=Const(table, 16),
                p_INJECT1_0="NO",
                p_INJECT1_1="NO",
                i_CIN=carry,
                **{
                    f"i_{port}{half}": bits[k + half]
                    for port, bits in zip("ABCD", even, strict=True)
                    for half in (0, 1)
                },
                o_S0=total[k],
                o_S1=total[k + 1],
                o_COUT=onward,
            )
            carry = onward
        m.d.comb += self.o.eq(total)


class EitherAdder(_Adder):
    """Add one of two numbers: ``o`` is ``a + (b if first else c) + carry`` of the same cycle.

    On ECP5 it is made of the primitive CCU2C and no larger than ``a + b``.

    Parameters
    ----------
    width : int
        Of the operands, and of the sum, which wraps around.

    Members
    -------
    a, b, c : In(signed(width))
    first : In(1)
    carry : In(1)
        0 if nobody says.
    o : Out(signed(width))

    Source
    ------
    Lattice, ECP5 and ECP5-5G Family Data Sheet (FPGA-DS-02012): the slice in ripple mode. What a
    CCU2C does is in the models of Yosys, ``ccu2c_sim.vh``.
    """

    def __init__(self, width: int):
        super().__init__(width, c=In(signed(width)), first=In(1), carry=In(1))

    def _inferred(self):
        return _sum(self.a, Mux(self.first, self.b, self.c), self.carry)

    def _primitives(self, m):
        first = self.first.replicate(self.width)
        self._chain(m, _EITHER, self.carry, self.a, self.b, self.c, first)


class Subtractor(_Adder):
    """Add or subtract: ``o`` is ``a - b if subtract else a + b`` of the same cycle.

    On ECP5 it is made of the primitive CCU2C and hardly larger than ``a + b``.

    Parameters
    ----------
    width : int
        Of the operands, and of the result, which wraps around.

    Members
    -------
    a, b : In(signed(width))
    subtract : In(1)
    o : Out(signed(width))

    Source
    ------
    As of :class:`EitherAdder`.
    """

    def __init__(self, width: int):
        super().__init__(width, subtract=In(1))

    def _inferred(self):
        return _sum(self.a, self.b ^ self.subtract.replicate(self.width), self.subtract)

    def _primitives(self, m):
        subtract = self.subtract.replicate(self.width)
        ones = Const(-1, signed(self.width))
        self._chain(m, _NEGATED, self.subtract, self.a, self.b, subtract, ones)


def _sum(a, b, carry):
    """``a + b + carry`` by one chain of carries."""
    return (Cat(Const(1, 1), a).as_signed() + Cat(carry, b).as_signed()) >> 1


def add_either(m: Module, name: str, width: int, a: ValueLike, first, b, c, carry=0):
    """Return ``a + (b if first else c) + carry``, a signed number of *width* bits."""
    m.submodules[name] = adder = EitherAdder(width)
    m.d.comb += [
        adder.a.eq(a),
        adder.b.eq(b),
        adder.c.eq(c),
        adder.first.eq(first),
        adder.carry.eq(carry),
    ]
    return adder.o


def add_or_subtract(m: Module, name: str, width: int, a, b, subtract):
    """Return ``a - b if subtract else a + b``, a signed number of *width* bits."""
    m.submodules[name] = adder = Subtractor(width)
    m.d.comb += [adder.a.eq(a), adder.b.eq(b), adder.subtract.eq(subtract)]
    return adder.o
