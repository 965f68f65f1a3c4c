"""Self-test: a pattern that no host has to send, and signatures of what becomes of it."""

from functools import reduce
from operator import xor

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.config import CodecConfig
from tilefold_hw.device import (
    PATTERN,
    PATTERN_ROTATION,
    PATTERN_SHIFTS,
    POLYNOMIAL,
    SIGNATURE,
)

from .arith import shape
from .streams import each, laned

_WIDTH = 32


class Pattern(wiring.Component):
    """Source of pseudo-random samples.

    One item a cycle. Golden model: :func:`tilefold.model.selftest.pattern`.

    Parameters
    ----------
    config : CodecConfig

    Members
    -------
    restart : In(1)
        Begin anew, with ``items`` to send.
    items : In(32)
    left : Out(32)
        Items that are still to be sent.
    o : Out(stream of laned(config.sample))

    Source
    ------
    Marsaglia, Xorshift RNGs, Journal of Statistical Software 8 (2003).
    """

    def __init__(self, config: CodecConfig):
        self.config = config
        super().__init__(
            {
                "restart": In(1),
                "items": In(_WIDTH),
                "left": Out(_WIDTH),
                "o": Out(stream.Signature(laned(shape(config.sample), config.lanes))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        state = Signal(_WIDTH, init=PATTERN)
        for lane, sample in enumerate(each(self.o.payload, self.config.lanes)):
            m.d.comb += sample.eq(state.rotate_left(PATTERN_ROTATION * lane))
        m.d.comb += self.o.valid.eq(self.left != 0)
        left, right, again = PATTERN_SHIFTS
        first = state ^ (state << left)[:_WIDTH]
        second = first ^ (first >> right)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [
                state.eq(second ^ (second << again)),
                self.left.eq(self.left - 1),
            ]
        with m.If(self.restart):
            m.d.sync += [
                state.eq(PATTERN),
                self.left.eq(self.items),
            ]
        return m


class Signer(wiring.Component):
    """Signature of items: any that differ have the same one once in 2**32.

    Golden model: :func:`tilefold.model.selftest.signature`.

    Parameters
    ----------
    width : int
        Of an item.

    Members
    -------
    restart : In(1)
        Begin anew.
    step : In(1)
        ``data`` is the next item.
    data : In(width)
    value : Out(32)
    """

    def __init__(self, width: int):
        self.width = width
        super().__init__(
            {
                "restart": In(1),
                "step": In(1),
                "data": In(width),
                "value": Out(_WIDTH, init=SIGNATURE),
            }
        )

    def elaborate(self, platform):
        m = Module()
        before = self.value
        item = reduce(xor, (self.data[low : low + _WIDTH] for low in range(0, self.width, _WIDTH)))
        with m.If(self.step):
            m.d.sync += before.eq((before << 1) ^ Mux(before[-1], POLYNOMIAL, 0) ^ item)
        with m.If(self.restart):
            m.d.sync += before.eq(SIGNATURE)
        return m


class Stopwatch(wiring.Component):
    """Cycles from the first start to the last stop.

    Members
    -------
    restart : In(1)
        Begin anew.
    start, stop : In(1)
    cycles : Out(32)
    """

    def __init__(self):
        super().__init__({"restart": In(1), "start": In(1), "stop": In(1), "cycles": Out(_WIDTH)})

    def elaborate(self, platform):
        m = Module()
        runs, clock = Signal(), Signal(_WIDTH)
        with m.If(self.start):
            m.d.sync += runs.eq(1)
        with m.If(self.start | runs):
            m.d.sync += clock.eq(clock + 1)
        with m.If(self.stop):
            m.d.sync += self.cycles.eq(clock)
        with m.If(self.restart):
            m.d.sync += [runs.eq(0), clock.eq(0), self.cycles.eq(0)]
        return m
