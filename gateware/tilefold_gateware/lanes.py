"""Lanes: the multipliers and sums of a projector, each a cycle behind the one before."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.config import WEIGHT, CodecConfig
from tilefold_hw.fixed import Q
from tilefold_hw.layer import sum_format
from tilefold_hw.regs import RegisterMap

from .accumulate import Accumulator
from .arith import shape
from .multiplier import Multiplier
from .pipeline import delay
from .ram import Ram
from .streams import Write


class Lanes(wiring.Component):
    """Multiply samples by the weights of ``macs`` outputs, and add up the products of each.

    Samples go from lane to lane, a cycle each, and so does everything else: nothing is fanned out,
    however many lanes there are, and the sums of a pass are complete one after the other. A sum
    that is complete goes into a register that holds zero at all other times, and leaves zero
    behind: so a pass begins with nothing to be cleared, and an OR of the registers of all lanes is
    the sum that is complete. A cycle without a step adds zero.

    Two products of 8 bits in one multiplier of 18 do not pay. They must be 16 bits apart to be told
    from each other, in an operand of 24. Nearer together, the lower bits of the upper product would
    have to be computed again, in about as many look-up tables as a sum takes.

    ``LATENCY`` cycles from the cycle after a pass's last step to its first sum.

    Parameters
    ----------
    config : CodecConfig
    macs : int
        Lanes.
    q : Q
        Format of a sample.
    regs : RegisterMap
        Map of the side that the projector is on: the size of the memory.

    Members
    -------
    step : In(1)
        There is a sample.
    turn : In(1)
        It is the last of a pass.
    row : In
        Where its weights are, a cycle after ``step``. The top bit is the bank.
    sample : In(q)
        The sample, two cycles after ``step``.
    stop : In(1)
        A pass has sums for some lanes only. To be given *k* + 1 cycles after ``turn``, if the last
        of them is lane *k*.
    total : Out(sum_format(q, config.channels))
        Sums of the lanes, one a cycle, from the first; zero if there is none.
    weights : In(Write)
        Fills the memory.
    """

    LATENCY = 9

    # Cycles from a step to its product at the adder of the first lane.
    _MULTIPLY = 6

    def __init__(self, config: CodecConfig, macs: int, q: Q, regs: RegisterMap):
        self.macs = macs
        self.q = q
        memory = regs.memory("weights")
        self._lane_bits = (macs - 1).bit_length()
        super().__init__(
            {
                "step": In(1),
                "turn": In(1),
                "row": In(1 + memory.address_width - self._lane_bits),
                "sample": In(shape(q)),
                "stop": In(1),
                "total": Out(shape(sum_format(q, config.channels))),
                "weights": In(Write(1 + memory.address_width, memory.width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # A sum begins anew with the first step of a pass, whatever was added up before it: the
        # content of memories that nobody has written, or what a reset found in the pipeline.
        begun = Signal()
        m.d.sync += begun.eq(~self.turn & (begun | self.step))
        keep = delay(m, begun, self._MULTIPLY)
        idle = delay(m, ~self.turn, self._MULTIPLY + 1, init=1)
        stop = delay(m, self.stop, self._MULTIPLY)
        here = delay(m, self.step, 2)
        sample = Signal.like(self.sample)
        m.d.sync += sample.eq(Mux(here, self.sample, 0))

        complete = []
        for lane, weight in enumerate(self._weights(m)):
            if lane:
                sample = delay(m, sample, 1)
                sample = sample.as_signed() if self.q.signed else sample
                keep = delay(m, keep, 1)
                before, idle = idle, Signal(init=1, name=f"idle_{lane}")
                m.d.sync += idle.eq(before | stop)
            multiplier = Multiplier(self.q.width + (not self.q.signed), WEIGHT.width)
            m.submodules[f"multiplier_{lane}"] = multiplier
            accumulator = Accumulator(len(multiplier.o), len(self.total))
            m.submodules[f"accumulator_{lane}"] = accumulator
            done = Signal(self.total.shape(), name=f"done_{lane}", reset_less=True)
            m.d.comb += [
                multiplier.a.eq(sample),
                multiplier.b.eq(weight),
                accumulator.term.eq(multiplier.o),
                accumulator.keep.eq(keep),
            ]
            m.d.sync += done.eq(Mux(idle, 0, accumulator.o))
            complete.append(done)

        # Two cycles for up to 64 lanes.
        fan = 4 if self.macs <= 16 else 8
        for level in range(2):
            groups = [complete[k : k + fan] for k in range(0, len(complete), fan)]
            complete = []
            for number, group in enumerate(groups):
                some = Signal(self.total.shape(), name=f"some_{level}_{number}")
                m.d.sync += some.eq(reduce(or_, group))
                complete.append(some)
        m.d.comb += self.total.eq(complete[0])
        return m

    def _weights(self, m):
        """Weight of each lane, when its sample comes."""
        port, row = self.weights, self.row
        # A memory has the weights of two lanes. They are written a cycle late.
        number, w_row = port.address[: self._lane_bits], port.address[self._lane_bits :]
        data, w_row = delay(m, port.data, 1), delay(m, w_row, 1)
        weights = []
        for lane in range(0, self.macs, 2):
            both = lane + 1 < self.macs
            if lane:
                row = delay(m, row, 2)
            ram = Ram(WEIGHT.width << both, 1 << len(row), halves=both)
            m.submodules[f"weights_{lane}"] = ram
            m.d.comb += [
                ram.write.stb.eq(delay(m, port.stb & (number >> 1 == lane >> 1), 1)),
                ram.write.address.eq(Cat(delay(m, number[:1], 1), w_row) if both else w_row),
                ram.write.data.eq(data),
                ram.address.eq(row),
            ]
            weights.append(ram.data[: WEIGHT.width].as_signed())
            if both:
                weights.append(delay(m, ram.data[WEIGHT.width :], 1).as_signed())
        return weights
