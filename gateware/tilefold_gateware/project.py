"""Projector: a 1 × 1 convolution with weights that the host fills, several products a cycle."""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out, flipped

from tilefold_hw.check import require
from tilefold_hw.config import SCALE, SCALE_SHIFT_MAX, WEIGHT, CodecConfig
from tilefold_hw.fixed import Q
from tilefold_hw.layer import bias_format, sum_format
from tilefold_hw.regs import RegisterMap, weight_stride

from .arith import clamp, shape
from .outlet import Basin
from .pipeline import delay
from .streams import Write, chosen, inner

PARAMETERS = ("weights", "biases", "scales", "shifts")
"""Memories of a projector, as the register map calls them."""


def projector_settings(config: CodecConfig, o: Q) -> data.StructLayout:
    """Settings of a projector: channels in and out, and the clamp."""
    return data.StructLayout(
        {
            "inputs": range(config.channels + 1),
            "outputs": range(config.channels + 1),
            "low": shape(o),
            "high": shape(o),
        }
    )


class Projector(wiring.Component):
    """Project the channels of every pixel: ``y[m] = clamp(round((W·x + b)[m]·q[m] / 2**r[m]))``.

    A pixel is collected while the one before is worked on. Each pass over its inputs makes up to
    ``macs`` outputs, one a multiplier; they leave one a cycle while the next pass runs. Sums are
    exact; the one rounding is half up.

    Latency :func:`tilefold_hw.latency.project`; a pixel every
    :func:`tilefold_hw.budget.pixel_cycles`, or as fast as its samples come. Golden model:
    :func:`tilefold.model.project.project`.

    Parameters
    ----------
    config : CodecConfig
    macs : int
        Multipliers, 1 to 64.
    q : Q
        Format of inputs and outputs.
    regs : RegisterMap
        Map of the side that the projector is on: the sizes of its memories.

    Members
    -------
    i : In(stream of inner(q))
        Pixels, ``inputs`` samples each.
    o : Out(stream of inner(q))
        Pixels, ``outputs`` samples each.
    settings : In(array of two :func:`projector_settings`)
        Both banks.
    weights, biases, scales, shifts : In(Write)
        Fill the memories; the top bit of an address is the bank.
    """

    # Cycles from reading a sample to its product in the accumulator, and from an accumulator to
    # the basin.
    _MULTIPLY, _SCALE = 5, 9

    def __init__(self, config: CodecConfig, macs: int, q: Q, regs: RegisterMap):
        require(macs, 1, 64, "macs")
        self.config = config
        self.macs = macs
        self.q = q
        self.regs = regs
        super().__init__(
            {
                "i": In(stream.Signature(inner(shape(q)))),
                "o": Out(stream.Signature(inner(shape(q)))),
                "settings": In(data.ArrayLayout(projector_settings(config, q), 2)),
                **{
                    name: In(Write(1 + regs.memory(name).address_width, regs.memory(name).width))
                    for name in PARAMETERS
                },
            }
        )

    def run_on(self, m: Module, control: wiring.Component, **names: str) -> None:
        """Run on the settings of *control* called *names*, and on its memories."""
        for mine, theirs in zip(self.settings, control.settings, strict=True):
            m.d.comb += [mine[name].eq(theirs[names[name]]) for name in names]
        for name in PARAMETERS:
            wiring.connect(m, getattr(control, name), getattr(self, name))

    def elaborate(self, platform):
        m = Module()
        macs, channels = self.macs, self.config.channels
        m.submodules.basin = basin = Basin(
            self.o.payload.shape(), flight=macs + self._MULTIPLY + self._SCALE
        )
        wiring.connect(m, basin.o, flipped(self.o))

        # Collect pixels, one half of the memory each.
        m.submodules.pixels = pixels = memory.Memory(
            shape=shape(self.q), depth=2 << (channels - 1).bit_length(), init=[]
        )
        w_port, r_port = pixels.write_port(), pixels.read_port()
        half_bits = len(w_port.addr) - 1
        full = Signal(2)
        framing = [Signal(data.StructLayout({"last": 1, "bank": 1})) for _ in range(2)]
        w_half, w_place = Signal(), Signal(half_bits)
        collect = self.i.valid & self.i.ready
        bank_in = self.i.payload.bank
        w_end = w_place + 1 == chosen(self.settings, bank_in, "inputs")
        m.d.comb += [
            self.i.ready.eq(~full.bit_select(w_half, 1)),
            w_port.addr.eq(Cat(w_place, w_half)),
            w_port.data.eq(self.i.payload.data),
            w_port.en.eq(collect),
        ]
        with m.If(collect):
            m.d.sync += w_place.eq(Mux(w_end, 0, w_place + 1))
            with m.If(w_end):
                m.d.sync += [w_half.eq(~w_half), full.bit_select(w_half, 1).eq(1)]
                for half in range(2):
                    with m.If(w_half == half):
                        m.d.sync += [
                            framing[half].last.eq(self.i.payload.last),
                            framing[half].bank.eq(bank_in),
                        ]

        # Walk: passes over the pixel, an input a cycle. The last step of a pass waits until the
        # outputs of the pass before will have left, and there is room for its own.
        r_half, place, base = Signal(), Signal(half_bits), Signal(range(channels + macs))
        leaving = Signal(range(macs))
        last = Mux(r_half, framing[1].last, framing[0].last)
        bank = Mux(r_half, framing[1].bank, framing[0].bank)
        inputs = chosen(self.settings, bank, "inputs")
        outputs = chosen(self.settings, bank, "outputs")
        rest = Signal(range(channels + 1))
        m.d.comb += rest.eq(outputs - base)
        final = rest <= macs
        count = Mux(final, rest, macs)
        ends = place + 1 == inputs
        step = full.bit_select(r_half, 1) & (~ends | ((leaving == 0) & basin.ready))
        row = Signal(self.regs.memory("weights").address_width)
        with m.If(step):
            m.d.sync += place.eq(Mux(ends, 0, place + 1))
            with m.If(ends):
                m.d.sync += [
                    base.eq(Mux(final, 0, base + macs)),
                    row.eq(Mux(final, 0, row + channels)),
                ]
                with m.If(final):
                    m.d.sync += [r_half.eq(~r_half), full.bit_select(r_half, 1).eq(0)]
        with m.If(step & ends):
            m.d.sync += leaving.eq(count - 1)
        with m.Elif(leaving != 0):
            m.d.sync += leaving.eq(leaving - 1)

        # cycle 1: memories; 2: their registers; 3, 4: products; 5: accumulators.
        sample = Signal(shape(self.q))
        m.d.comb += r_port.addr.eq(Cat(place, r_half))
        m.d.sync += sample.eq(r_port.data)
        weights = self._weights(m, row + place, bank)
        accumulate, start = delay(m, step, 4), delay(m, place == 0, 4)
        totals = []
        for k in range(macs):
            product = Signal(shape(WEIGHT * self.q), name=f"product_{k}")
            total = Signal(shape(sum_format(self.q, channels)), name=f"total_{k}")
            m.d.sync += product.eq(sample * weights[k])
            term = delay(m, product, 1)
            with m.If(accumulate):
                m.d.sync += total.eq(Mux(start, 0, total) + term)
            totals.append(total)

        # Outputs of a pass leave one a cycle, in order.
        entry = data.StructLayout({"count": range(macs + 1), "base": base.shape(), "flags": 3})
        arriving = Signal(entry)
        m.d.comb += [
            arriving.count.eq(count),
            arriving.base.eq(base),
            arriving.flags.eq(Cat(final, last, bank)),
        ]
        arriving = entry(delay(m, arriving, self._MULTIPLY))
        held = [Signal.like(total) for total in totals]
        left, output, flags = Signal(range(macs + 1)), Signal.like(base), Signal(3)
        with m.If(delay(m, step & ends, self._MULTIPLY)):
            m.d.sync += [x.eq(y) for x, y in zip(held, totals, strict=True)]
            m.d.sync += [
                left.eq(arriving.count),
                output.eq(arriving.base),
                flags.eq(arriving.flags),
            ]
        with m.Elif(left != 0):
            m.d.sync += [x.eq(y) for x, y in pairwise(held)]
            m.d.sync += [left.eq(left - 1), output.eq(output + 1)]
        self._scale(m, basin, held[0], output, left, flags)
        return m

    def _scale(self, m, basin, total, output, left, flags):
        """Bias, multiply, round, clamp: one output a cycle."""
        final, last, bank = flags
        address = Cat(output[: len(self.biases.address) - 1], bank)
        bias, scale, shift = (
            delay(m, self._parameter(m, name, address), 1) for name in PARAMETERS[1:]
        )
        # cycle 1: memories; 2: their registers; 3: bias; 4, 5: product.
        channels = self.config.channels
        biased_q = sum_format(self.q, channels) + bias_format(self.q, channels)
        biased = Signal(shape(biased_q))
        product = Signal(shape(biased_q * SCALE))
        m.d.sync += [
            biased.eq(delay(m, total, 2) + bias.as_signed()),
            product.eq(biased * delay(m, scale, 1)),
        ]
        product = delay(m, product, 1)
        # cycle 6: the half that rounds; 7: shift; 8: clamp.
        shift = delay(m, shift, 3)
        half = Cat(shift == s + 1 for s in range(SCALE_SHIFT_MAX))
        widened = Signal(max(len(product), SCALE_SHIFT_MAX) + 2)
        m.d.sync += widened.eq(product + half)
        rounded = delay(m, widened.as_signed() >> delay(m, shift, 1), 1)
        late = delay(m, bank, 7)
        low = chosen(self.settings, late, "low")
        high = chosen(self.settings, late, "high")
        m.d.sync += [
            basin.push.eq(delay(m, left != 0, 7)),
            basin.payload.data.eq(clamp(rounded, low, high)),
            basin.payload.last.eq(delay(m, final & last & (left == 1), 7)),
            basin.payload.bank.eq(late),
        ]

    def _weights(self, m, row, bank):
        """Weights of all multipliers for an input, two cycles after its *row* and *bank*."""
        lane_bits = (weight_stride(self.macs) - 1).bit_length()
        port = self.weights
        row_bits = len(port.address) - 1 - lane_bits
        m.submodules.weights_memory = store = memory.Memory(
            shape=unsigned(WEIGHT.width * self.macs), depth=2 << row_bits, init=[]
        )
        w_port = store.write_port(granularity=WEIGHT.width)
        r_port = store.read_port()
        lane = port.address[:lane_bits]
        index = Signal(row_bits)
        m.d.comb += index.eq(row)
        m.d.comb += [
            w_port.addr.eq(port.address[lane_bits:]),
            w_port.data.eq(port.data.replicate(self.macs)),
            w_port.en.eq(Cat(port.stb & (lane == k) for k in range(self.macs))),
            r_port.addr.eq(Cat(index, bank)),
        ]
        word = delay(m, r_port.data, 1)
        return [word.word_select(k, WEIGHT.width).as_signed() for k in range(self.macs)]

    def _parameter(self, m, name, address):
        """Parameter of an output, a cycle after its *address*."""
        port = getattr(self, name)
        m.submodules[f"{name}_memory"] = store = memory.Memory(
            shape=len(port.data), depth=1 << len(port.address), init=[]
        )
        w_port, r_port = store.write_port(), store.read_port()
        m.d.comb += [
            w_port.addr.eq(port.address),
            w_port.data.eq(port.data),
            w_port.en.eq(port.stb),
            r_port.addr.eq(address),
        ]
        return r_port.data
