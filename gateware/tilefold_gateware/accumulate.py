"""Accumulator: a running sum that begins anew without a multiplexer."""

from amaranth.hdl import Const, Instance, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .multiplier import has_dsp18


class Accumulator(wiring.Component):
    """Add up terms: ``o`` is the sum of those since the last without ``keep``, that one included.

    One term a cycle, in ``o`` a cycle later. On ECP5 it takes one look-up table a bit: a cell of a
    carry chain has two inputs to spare, and one of them lets the old sum in. Yosys makes carry
    chains of sums only, and would take two.

    Parameters
    ----------
    term, width : int
        Widths of a term and of the sum, which wraps.

    Members
    -------
    term : In(signed)
    keep : In(1)
        This term is added to the sum; else the sum begins with it.
    o : Out(signed(width))
        Not reset: a reset must lower ``keep``.

    Source
    ------
    The simulation model of CCU2C in Yosys, ``lattice/ccu2c_sim.vh``.
    """

    # Outputs of a cell's table for the inputs D C B A: with D, A xor B, else A; it adds the carry.
    # The table's lower quarter is what A and B generate where they are alike: A.
    _ADD = 0x66AA

    def __init__(self, term: int, width: int):
        super().__init__(
            {
                "term": In(signed(term)),
                "keep": In(1),
                "o": Out(signed(width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        so_far = Signal.like(self.o, name="so_far", reset_less=True)
        total = Signal.like(self.o, name="total")
        m.d.comb += self.o.eq(so_far)
        m.d.sync += so_far.eq(total)
        if has_dsp18(platform):
            term = Signal.like(self.o, name="wide_term")
            m.d.comb += term.eq(self.term)
            self._chain(m, term, so_far, total)
        else:
            m.d.comb += total.eq(Mux(self.keep, so_far, 0) + self.term)
        return m

    def _chain(self, m, term, so_far, total):
        carry = Const(0, 1)
        for place in range(0, len(total), 2):
            ports = {"i_CIN": carry, "o_COUT": (carry := Signal(name=f"carry_{place}"))}
            for half in range(2):
                ports |= {f"p_INIT{half}": Const(self._ADD, 16), f"p_INJECT1_{half}": "NO"}
                ports |= {f"i_C{half}": 0, f"i_D{half}": self.keep}
                bit = place + half
                if bit < len(total):
                    ports |= {f"i_A{half}": term[bit], f"i_B{half}": so_far[bit]}
                    ports |= {f"o_S{half}": total[bit]}
            m.submodules[f"cell_{place}"] = Instance("CCU2C", **ports)
