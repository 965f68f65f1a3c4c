"""Scaler: from exact sums to samples, by a bias, a multiplier, a shift and a clamp per output."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from tilefold_hw.config import SCALE, CodecConfig
from tilefold_hw.fixed import Q
from tilefold_hw.layer import bias_format, sum_format
from tilefold_hw.regs import RegisterMap

from .arith import shape
from .multiplier import Multiplier
from .pipeline import delay
from .ram import Ram
from .streams import Write, banked, chosen

PARAMETERS = ("biases", "scales", "shifts")
"""Memories of a scaler, as the register map calls them."""


class Scaler(wiring.Component):
    """Scale a sum: ``o = clamp(round((total + bias)·scale / 2**shift))``, half up, exact.

    ``LATENCY`` cycles from ``total`` to ``o``; one a cycle.

    Parameters
    ----------
    config : CodecConfig
    q : Q
        Format of an output, and of the inputs that were summed.
    regs : RegisterMap
        Map of the side that the scaler is on: the sizes of its memories.

    Members
    -------
    output : In
        Which output the ``total`` of two cycles later is; the top bit is the bank.
    total : In(sum_format(q, config.channels))
    limits : In(banked(layout of ``low`` and ``high``))
        Clamp of each bank.
    o : Out(q)
    biases, scales, shifts : In(Write)
        Fill the memories; the top bit of an address is the bank.
    """

    LATENCY = 10

    # Widths of the steps of the shift: by 16, by 4, by 1.
    _STEPS = (4, 2, 0)

    def __init__(self, config: CodecConfig, q: Q, regs: RegisterMap):
        self.config = config
        self.q = q
        ports = {
            name: Write(1 + regs.memory(name).address_width, regs.memory(name).width)
            for name in PARAMETERS
        }
        super().__init__(
            {
                "output": In(ports["biases"].address_width),
                "total": In(shape(sum_format(q, config.channels))),
                "limits": In(banked(data.StructLayout({"low": shape(q), "high": shape(q)}))),
                "o": Out(shape(q)),
                **{name: In(port) for name, port in ports.items()},
            }
        )

    def elaborate(self, platform):
        m = Module()
        output, total = self.output, self.total
        bias = self._parameter(m, "biases", output)
        scale = self._parameter(m, "scales", delay(m, output, 1))
        shift = self._parameter(m, "shifts", delay(m, output, 5))

        # cycle 1: bias; 2 to 5: product.
        biased_q = sum_format(self.q, self.config.channels)
        biased_q += bias_format(self.q, self.config.channels)
        biased = Signal(shape(biased_q))
        m.d.sync += biased.eq(total + bias.as_signed())
        m.submodules.multiplier = multiplier = Multiplier(len(biased), SCALE.width + 1)
        m.d.comb += [multiplier.a.eq(biased), multiplier.b.eq(scale)]
        product = delay(m, multiplier.o, 4 - multiplier.latency).as_signed()

        # cycles 6 to 8: shift, with a bit behind the point for the rounding. What is too large for
        # the clamp's range is cut off on the way, and remembered.
        kept = self.q.width + (not self.q.signed) + 1
        value = Cat(Const(0, 1), product).as_signed()
        over = Const(0, 1)
        for number, bits in enumerate(self._STEPS):
            by = delay(m, shift[bits : bits + 2], number)
            value, over = _shifted(m, value, over, by, 1 << bits, kept - 1 + (1 << bits))
        negative = delay(m, product[-1], 4)

        # cycle 9: round and compare; 10: clamp. A value next to a limit may count as beyond it.
        bank = delay(m, output[-1], 9)
        low, high, below, above = Signal(shape(self.q)), Signal(shape(self.q)), Signal(), Signal()
        rounded = Signal(signed(kept))
        m.d.sync += [
            low.eq(chosen(self.limits, bank, "low")),
            high.eq(chosen(self.limits, bank, "high")),
            rounded.eq((value + 1) >> 1),
            below.eq((value - _twice(low, 1))[-1]),
            above.eq((_twice(high, 0) - value)[-1]),
        ]
        low, high = delay(m, low, 1), delay(m, high, 1)
        m.d.sync += self.o.eq(
            Mux(Mux(over, negative, below), low, Mux(over | above, high, rounded))
        )
        return m

    def _parameter(self, m, name, output):
        """Parameter of the *output* of two cycles before."""
        port = getattr(self, name)
        ram = Ram(len(port.data), 1 << len(port.address))
        m.submodules[name] = ram
        connect(m, flipped(port), ram.write)
        m.d.comb += ram.address.eq(output)
        return ram.data


def _twice(value, and_):
    """Return ``2 * value + and_`` by wires alone."""
    bits = Cat(Const(and_, 1), value)
    return bits.as_signed() if value.shape().signed else bits


def _shifted(m, value, over, by, unit, width):
    """Shift right by 0 to 3 units, in a cycle, and keep *width* bits.

    Return it, and whether it or what came before is *over*, which takes a cycle more.
    """
    # Bits that must be alike, in parts that have one in common with the next.
    differ, lost, late = Signal(3), Signal(), delay(m, by, 1)
    for units in range(3):
        part = value[width - 1 + units * unit : width + (units + 1) * unit]
        m.d.sync += differ[units].eq(_differ(part))
    m.d.sync += lost.eq(over | Cat(differ[units] & (late <= units) for units in range(3)).any())
    o = Signal(signed(width))
    for bit in (1, 0):
        units = unit << bit
        shifted = value[min(units, len(value) - 1) :].as_signed()
        # What remains to be shifted, by less than these units, needs as many bits more.
        value = Mux(by[bit], shifted, value)[: width + units - unit].as_signed()
    m.d.sync += o.eq(value)
    return o, lost


def _differ(bits):
    """Whether *bits* are not all alike, in look-up tables of four inputs."""
    parts = [Cat(bits[k : k + 3], bits[-1:]) for k in range(0, len(bits) - 1, 3)]
    return Cat(part.any() & ~part.all() for part in parts).any()
