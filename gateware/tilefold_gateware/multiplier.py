"""Multiplier: the product of two signed numbers, with a register at every stage it has."""

from functools import partial

from amaranth.hdl import (
    Cat,
    ClockSignal,
    Const,
    Instance,
    Module,
    ResetSignal,
    Shape,
    Signal,
    signed,
)
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw import latency

from .pipeline import delay

WIDTH = 18
"""Widest operand of one multiplier; a wider one takes two."""


def has_dsp18(platform) -> bool:
    """Whether *platform* has MULT18X18D, which Yosys never gives registers."""
    return getattr(platform, "device", "").startswith("LFE5U")


def has_gowin_dsp(platform) -> bool:
    """Whether *platform* has Gowin's MULT18X18, which Yosys never gives registers."""
    return getattr(platform, "device", "").startswith(("GW1N-LV9", "GW1NR-LV9", "GW2A"))


class Multiplier(wiring.Component):
    """Multiply: ``o`` is ``a * b`` of :attr:`latency` cycles before. One product a cycle.

    On ECP5 and Gowin it is a primitive with its own registers, elsewhere ``*`` between registers
    that synthesis moves into the device's multiplier. An operand of more than 18 bits is cut in
    two, and the two products are added in a fourth cycle. The latency is the same everywhere. No
    reset clears a product, nor what it is made of.

    Parameters
    ----------
    a, b : int
        Widths of the operands: up to 35 and 18.

    Members
    -------
    a, b : In(signed)
    o : Out(signed(a + b))

    Source
    ------
    Lattice, ECP5 and ECP5-5G sysDSP Usage Guide (FPGA-TN-02205): the MULT18X18D element. Gowin,
    DSP User Guide (UG287): MULT18X18.
    """

    def __init__(self, a: int, b: int):
        if not (1 <= a <= 2 * WIDTH - 1 and 1 <= b <= WIDTH):
            raise ValueError(f"operands must have 1 to 35 and 1 to 18 bits, not {a} and {b}")
        super().__init__({"a": In(signed(a)), "b": In(signed(b)), "o": Out(signed(a + b))})

    @property
    def latency(self) -> int:
        """Cycles from operands to product: :func:`tilefold_hw.latency.multiply`."""
        return latency.multiply(len(self.a))

    def elaborate(self, platform):
        m = Module()
        multiply = self._inferred
        if has_dsp18(platform):
            multiply = partial(self._primitive, mult18x18d)
        elif has_gowin_dsp(platform):
            multiply = partial(self._primitive, mult18x18)
        if len(self.a) <= WIDTH:
            m.d.comb += self.o.eq(multiply(m, self.a, self.b, "product"))
            return m
        # a = high * 2**17 + low, with low unsigned: its sign bit as an operand is 0.
        low = multiply(m, Cat(self.a[: WIDTH - 1], Const(0, 1)).as_signed(), self.b, "low")
        high = multiply(m, self.a[WIDTH - 1 :].as_signed(), self.b, "high")
        # The lowest bits of the sum are those of the low product.
        m.d.sync += self.o.eq(
            Cat(low[: WIDTH - 1], ((low >> (WIDTH - 1)) + high)[: len(self.o) - WIDTH + 1])
        )
        return m

    def _inferred(self, m, a, b, name):
        """``a * b``, its operands and its product in registers, with one between."""
        a, b = (delay(m, operand, 1, reset_less=True) for operand in (a, b))
        between = Signal(signed(len(a) + len(b)), name=f"{name}_between", reset_less=True)
        product = Signal.like(between, name=name, reset_less=True)
        m.d.sync += between.eq(a * b)
        # With an enable, Yosys moves this register into the output of iCE40's multiplier. Without
        # one it moves it to another place, and leaves it where it was, too: the product is lost.
        with m.If(~ResetSignal("sync")):
            m.d.sync += product.eq(between)
        return product

    def _primitive(self, kind, m, a, b, name):
        """``a * b`` by a primitive with registers at its operands, within and at its product."""
        product = Signal(Shape(2 * WIDTH, True), name=name)
        m.submodules[f"{name}_dsp"] = kind(_extended(a), _extended(b), product)
        return product[: len(a) + len(b)].as_signed()


def _extended(operand):
    return Cat(operand, operand[-1].replicate(WIDTH - len(operand)))


def mult18x18d(a, b, product) -> Instance:
    """ECP5's MULT18X18D with all of its registers, clocked by ``sync``."""
    registers = ("INPUTA", "INPUTB", "PIPELINE", "OUTPUT")
    return Instance(
        "MULT18X18D",
        **{f"p_REG_{place}_CLK": "CLK0" for place in registers},
        **{f"i_{name}{k}": bits[k] for name, bits in (("A", a), ("B", b)) for k in range(WIDTH)},
        **{f"i_C{k}": 0 for k in range(WIDTH)},
        **{f"i_{name}": 0 for name in ("SOURCEA", "SOURCEB", "RST0")},
        **{f"i_{name}": 1 for name in ("SIGNEDA", "SIGNEDB", "CE0")},
        i_CLK0=ClockSignal("sync"),
        **{f"o_P{k}": product[k] for k in range(2 * WIDTH)},
    )


def mult18x18(a, b, product) -> Instance:
    """Gowin's MULT18X18 with all of its registers, clocked by ``sync``."""
    return Instance(
        "MULT18X18",
        **{f"p_{place}": Const(1, 1) for place in ("AREG", "BREG", "PIPE_REG", "OUT_REG")},
        **{f"p_{place}": Const(0, 1) for place in ("ASIGN_REG", "BSIGN_REG", "SOA_REG")},
        p_MULT_RESET_MODE="SYNC",
        i_A=a,
        i_B=b,
        **{f"i_{name}": Const(0, WIDTH) for name in ("SIA", "SIB")},
        **{f"i_{name}": 0 for name in ("ASEL", "BSEL", "RESET")},
        **{f"i_{name}": 1 for name in ("ASIGN", "BSIGN", "CE")},
        i_CLK=ClockSignal("sync"),
        o_DOUT=product,
    )
