"""Projector: a 1 × 1 convolution with weights that the host fills, several products a cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, flipped

from tilefold_hw.check import require
from tilefold_hw.config import CodecConfig
from tilefold_hw.fixed import Q
from tilefold_hw.regs import RegisterMap

from .arith import shape
from .lanes import Lanes
from .lap import FIRST, Lap, OpenLap
from .outlet import Sluice
from .pipeline import delay
from .ram import Ram
from .scale import PARAMETERS, Scaler
from .streams import Write, banked, banks, inner


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
    ``macs`` outputs, one a lane; they leave one a cycle while the next pass runs. So a multiplier
    works in every cycle in which there is a sample, unless a pass has more outputs than inputs.
    Sums are exact; the one rounding is half up.

    Latency :func:`tilefold_hw.latency.project`; a pixel every
    :func:`tilefold_hw.budget.pixel_cycles`, or as fast as its samples come. Golden model:
    :func:`tilefold.model.project.project`.

    Parameters
    ----------
    config : CodecConfig
    macs : int
        Lanes, 1 to 64: multipliers of samples and weights. Up to two more scale the outputs.
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
    settings : In(banked(:func:`projector_settings`))
        Both banks.
    weights, biases, scales, shifts : In(Write)
        Fill the memories; the top bit of an address is the bank.
    """

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
                "settings": In(banked(projector_settings(config, q))),
                **{
                    name: In(Write(1 + regs.memory(name).address_width, regs.memory(name).width))
                    for name in ("weights", *PARAMETERS)
                },
            }
        )

    def run_on(self, m: Module, control: wiring.Component, **names: str) -> None:
        """Run on the settings of *control* called *names*, and on its memories."""
        for mine, theirs in zip(banks(self.settings), banks(control.settings), strict=True):
            m.d.comb += [mine[name].eq(theirs[names[name]]) for name in names]
        for name in ("weights", *PARAMETERS):
            wiring.connect(m, getattr(control, name), getattr(self, name))

    def elaborate(self, platform):
        m = Module()
        config, macs = self.config, self.macs
        m.submodules.lanes = lanes = Lanes(config, macs, self.q, self.regs)
        m.submodules.scaler = scaler = Scaler(config, self.q, self.regs)
        wiring.connect(m, flipped(self.weights), lanes.weights)
        for name in PARAMETERS:
            wiring.connect(m, flipped(getattr(self, name)), getattr(scaler, name))
        latency = Lanes.LATENCY + Scaler.LATENCY
        m.submodules.sluice = sluice = Sluice(self.o.payload.shape(), latency, burst=macs)
        wiring.connect(m, sluice.o, flipped(self.o))

        # Collect pixels, one half of the memory each. The next to be worked on, and one behind it.
        framing = data.StructLayout({"last": 1, "bank": 1})
        head, tail, there, behind = Signal(framing), Signal(framing), Signal(), Signal()
        place_bits = (config.channels - 1).bit_length()
        m.submodules.pixels = pixels = Ram(self.q.width, 2 << place_bits)
        m.submodules.collected = collected = self._lap(m, OpenLap, "inputs")
        w_half = Signal()
        collect = self.i.valid & self.i.ready
        arrives = collect & collected.last
        m.d.comb += [
            self.i.ready.eq(~behind),
            collected.step.eq(collect),
            collected.bank.eq(self.i.payload.bank),
            pixels.write.stb.eq(collect),
            pixels.write.address.eq(Cat(collected.place[:place_bits], w_half)),
            pixels.write.data.eq(self.i.payload.data),
        ]
        with m.If(arrives):
            m.d.sync += w_half.eq(~w_half)

        # Walk: passes over the pixel, an input a cycle. The last step of a pass waits until its
        # outputs can follow those of the pass before, and there is room for them.
        m.submodules.walked = walked = self._lap(m, Lap, "inputs")
        m.submodules.passes = passes = self._lap(m, Lap, "outputs", macs)
        follows, first, r_half = Signal(init=1), Signal(init=1), Signal()
        step, turn, leaves, fresh = Signal(), Signal(), Signal(), Signal()
        start = -FIRST % (1 << len(lanes.row) - 1)
        row = Signal(len(lanes.row) - 1, init=start, reset_less=True)
        coming, next_bank = self.i.payload, Signal()
        m.d.comb += [
            step.eq(there & (~walked.last | (follows & sluice.ready))),
            turn.eq(there & walked.last & follows & sluice.ready),
            leaves.eq(turn & passes.last),
            # A pixel is worked on from the next cycle on, if there is one.
            fresh.eq(leaves | ~there),
            next_bank.eq(Mux(behind, tail.bank, coming.bank)),
            walked.step.eq(step),
            walked.bank.eq(head.bank),
            walked.begin.eq(turn | ~there),
            walked.next_bank.eq(Mux(passes.last | ~there, next_bank, head.bank)),
            passes.step.eq(turn),
            passes.bank.eq(head.bank),
            passes.begin.eq(fresh),
            passes.next_bank.eq(next_bank),
            pixels.address.eq(Cat(walked.place[:place_bits], r_half)),
            lanes.step.eq(step),
            lanes.turn.eq(turn),
            lanes.sample.eq(pixels.data),
        ]
        m.d.sync += lanes.row.eq(Cat((row + walked.place)[: len(row)], head.bank))
        with m.If(turn):
            m.d.sync += [first.eq(passes.last), r_half.eq(r_half ^ passes.last)]
        with m.If(fresh):
            m.d.sync += row.eq(start)
        with m.Elif(turn):
            m.d.sync += row.eq(row + config.channels)
        with m.If(~behind):
            m.d.sync += [tail.last.eq(coming.last), tail.bank.eq(coming.bank)]
        with m.If(fresh):
            m.d.sync += [
                head.last.eq(Mux(behind, tail.last, coming.last)),
                head.bank.eq(next_bank),
                there.eq(behind | arrives),
                behind.eq(0),
            ]
        with m.Elif(arrives):
            m.d.sync += behind.eq(1)

        # Outputs of a pass, one a cycle: those of all lanes, or up to the last of the pixel.
        m.submodules.left = left = self._lap(m, Lap, "outputs")
        leaving, late = Signal(), Signal(framing)
        ends, full, will_full = leaving & left.last, Signal(), Signal()
        goes_on = leaving & ~left.last & ~full
        m.d.comb += [
            left.step.eq(leaving),
            left.bank.eq(late.bank),
            left.begin.eq(turn & first),
            left.next_bank.eq(head.bank),
            lanes.stop.eq(ends),
            sluice.take.eq(leaving),
        ]
        m.d.sync += [
            leaving.eq(turn | goes_on),
            follows.eq((~turn & ~goes_on) | left.will_last | will_full),
            full.eq(will_full),
        ]
        with m.If(turn):
            m.d.sync += late.eq(head)
        if macs == 1:
            m.d.comb += will_full.eq(1)
        elif macs < config.channels:
            lane = Signal(range(macs))
            m.d.sync += lane.eq(Mux(goes_on, lane + 1, 0))
            m.d.comb += will_full.eq(goes_on & (lane == macs - 2))

        # Scale them.
        output = Signal(range(config.channels))
        cycles = Lanes.LATENCY - Ram.LATENCY
        leaves_late, ends_late = delay(m, leaving, cycles), delay(m, ends, cycles)
        with m.If(leaves_late):
            m.d.sync += output.eq(Mux(ends_late, 0, output + 1))
        m.d.comb += [
            scaler.output.eq(Cat(output, delay(m, late.bank, cycles))),
            scaler.total.eq(lanes.total),
            sluice.push.eq(delay(m, leaving, latency)),
            sluice.payload.data.eq(scaler.o),
            sluice.payload.last.eq(delay(m, ends & late.last, latency)),
            sluice.payload.bank.eq(delay(m, late.bank, latency)),
        ]
        for limits, settings in zip(banks(scaler.limits), banks(self.settings), strict=True):
            for limit in ("low", "high"):
                m.d.comb += limits[limit].eq(settings[limit])
        return m

    def _lap(self, m, kind, name, *stride):
        """Lap whose length is setting *name*."""
        lap = kind(self.config.channels, *stride)
        for length, settings in zip(banks(lap.lengths), banks(self.settings), strict=True):
            m.d.comb += length.eq(settings[name])
        return lap
