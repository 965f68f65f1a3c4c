"""One pass of the transform, at one sample a cycle: a vector of N in, a vector of N out.

The matrix is symmetric in its columns on the way there (``c[u][n-1-k] = ±c[u][k]``), so half the
products do: on the way there the two ends of the vector are added or subtracted first, on the way
back last. Both sums are the same integers as the full matrix product.
"""

from itertools import pairwise

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.transform import Pass

from .arith import shape
from .outlet import Outlet
from .pipeline import delay
from .streams import inner


class _VectorPass(wiring.Component):
    def __init__(self, step: Pass):
        self.step = step
        self.n = len(step.matrix)
        self.half = (self.n + 1) // 2
        super().__init__(
            {
                "i": In(stream.Signature(inner(shape(step.i)))),
                "o": Out(stream.Signature(inner(shape(step.o)))),
            }
        )

    def _entry(self, m, latency):
        """Let items in, count their places; return outlet, "an item enters" and its place."""
        m.submodules.outlet = outlet = Outlet(self.o.payload.shape(), latency)
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        enter = self.i.valid & outlet.ready
        m.d.comb += [self.i.ready.eq(outlet.ready), outlet.take.eq(enter)]
        place = Signal(range(self.n))
        with m.If(enter):
            m.d.sync += place.eq(Mux(place == self.n - 1, 0, place + 1))
        return outlet, enter, place

    def _sweep(self, m, start, last, bank):
        """Count the outputs of a vector, 0 … n-1 from the cycle after *start* on."""
        active = Signal()
        place = Signal(range(self.n))
        framing = Signal(2)
        with m.If(start):
            m.d.sync += [active.eq(1), place.eq(0), framing.eq(bank << 1 | last)]
        with m.Elif(place == self.n - 1):
            m.d.sync += active.eq(0)
        with m.Else():
            m.d.sync += place.eq(place + 1)
        return active, place, framing[0] & (place == self.n - 1), framing[1]

    def _leave(self, m, outlet, total, valid, last, bank):
        """Round the exact sum (its half already added) and push it, a cycle later."""
        rounded = total >> self.step.shift
        m.d.sync += [
            outlet.push.eq(valid),
            outlet.payload.data.eq(rounded),
            outlet.payload.last.eq(last),
            outlet.payload.bank.eq(bank),
        ]


class GatherPass(_VectorPass):
    """Forward pass: vectors are collected, folded at their middle, and multiplied.

    ``o[u] = round_shift(Σ_k c[u][k] · (i[k] ± i[n-1-k]))`` with ``⌈n/2⌉`` multipliers.

    Latency :func:`tilefold_hw.latency.gather`; one item a cycle, no bubble between vectors. Golden
    model: :func:`tilefold.model.dct.dct`.

    Parameters
    ----------
    step : Pass
        Matrix and formats.

    Members
    -------
    i : In(stream of inner(step.i))
        Vectors, *n* items each.
    o : Out(stream of inner(step.o))
        Their transforms. ``last`` stays on the last item of a vector.
    """

    def elaborate(self, platform):
        m = Module()
        n, half = self.n, self.half
        levels = (half - 1).bit_length()
        outlet, enter, place = self._entry(m, latency=n + levels + 5)

        # Collect a vector; at its end fold it.
        items = [Signal(shape(self.step.i), name=f"item_{k}") for k in range(n)]
        whole = Signal()
        last, bank = Signal(), Signal()
        with m.If(enter):
            m.d.sync += [x.eq(y) for x, y in pairwise(items)]
            m.d.sync += [
                items[-1].eq(self.i.payload.data),
                last.eq(self.i.payload.last),
                bank.eq(self.i.payload.bank),
            ]
        m.d.sync += whole.eq(enter & (place == n - 1))
        folded = shape(self.step.i + self.step.i)
        sums = [Signal(folded, name=f"sum_{k}") for k in range(half)]
        differences = [Signal(folded, name=f"difference_{k}") for k in range(half)]
        with m.If(whole):
            for k in range(half):
                middle = k == n - 1 - k
                m.d.sync += [
                    sums[k].eq(items[k] if middle else items[k] + items[n - 1 - k]),
                    differences[k].eq(0 if middle else items[k] - items[n - 1 - k]),
                ]
        valid, u, last, bank = self._sweep(m, whole, last, bank)

        # cycle 1: operands; cycle 2, 3: product; then a level of the adder tree each cycle.
        terms = []
        for k in range(half):
            constants = Array(row[k] for row in self.step.matrix)
            a = Signal(folded, name=f"a_{k}")
            b = Signal(shape(self.step.constant), name=f"b_{k}")
            product = Signal(shape(self.step.constant * (self.step.i + self.step.i)), name=f"p_{k}")
            pipelined = Signal.like(product, name=f"q_{k}")
            m.d.sync += [
                a.eq(Mux(u[0], differences[k], sums[k])),
                b.eq(constants[u]),
                product.eq(a * b),
                pipelined.eq(product),
            ]
            terms.append(pipelined)
        rounding = 1 << self.step.shift >> 1
        while len(terms) > 1:
            pairs = zip(terms[::2], terms[1::2], strict=True)
            terms = []
            for x, y in pairs:
                total = Signal(shape(self.step.accumulator), name="total")
                m.d.sync += total.eq(x + y + rounding)
                rounding = 0
                terms.append(total)
        valid, last, bank = (delay(m, flag, 3 + levels) for flag in (valid, last, bank))
        self._leave(m, outlet, terms[0], valid, last, bank)
        return m


class ScatterPass(_VectorPass):
    """Inverse pass: each item is multiplied as it comes, and the halves meet at the end.

    ``o[k] = round_shift(even[k] ± odd[k])``, where *even* and *odd* sum ``c[k][u] · i[u]`` over
    even and odd *u*, with ``⌈n/2⌉`` multipliers.

    Latency :func:`tilefold_hw.latency.scatter`; one item a cycle, no bubble between vectors. Golden
    model: :func:`tilefold.model.dct.idct`.

    Parameters
    ----------
    step : Pass
        Matrix and formats.

    Members
    -------
    i : In(stream of inner(step.i))
        Vectors, *n* items each.
    o : Out(stream of inner(step.o))
        Their transforms. ``last`` stays on the last item of a vector.
    """

    def elaborate(self, platform):
        m = Module()
        n, half = self.n, self.half
        outlet, enter, place = self._entry(m, latency=n + 7)
        acc = shape(self.step.accumulator)

        # cycle 1: operands; cycle 2, 3: products.
        x = Signal(shape(self.step.i))
        m.d.sync += x.eq(self.i.payload.data)
        products = []
        for k in range(half):
            constants = Array(self.step.matrix[k])
            b = Signal(shape(self.step.constant), name=f"b_{k}")
            product = Signal(shape(self.step.constant * self.step.i), name=f"p_{k}")
            pipelined = Signal.like(product, name=f"q_{k}")
            m.d.sync += [b.eq(constants[place]), product.eq(x * b), pipelined.eq(product)]
            products.append(pipelined)
        flags = (place, enter, self.i.payload.last, self.i.payload.bank)
        u, valid, last, bank = (delay(m, flag, 3) for flag in flags)

        # cycle 4: even and odd sums; the half that rounds starts the even one.
        even = [Signal(acc, name=f"even_{k}") for k in range(half)]
        odd = [Signal(acc, name=f"odd_{k}") for k in range(half)]
        rounding = 1 << self.step.shift >> 1
        with m.If(valid):
            for k in range(half):
                with m.If(u[0]):
                    m.d.sync += odd[k].eq(Mux(u == 1, 0, odd[k]) + products[k])
                with m.Else():
                    m.d.sync += even[k].eq(Mux(u == 0, rounding, even[k]) + products[k])
        whole, last, bank = (delay(m, flag, 1) for flag in (valid & (u == n - 1), last, bank))

        # cycle 5: hold them while the next vector sums; then sum or difference, an item a cycle.
        held_even = [Signal(acc, name=f"held_even_{k}") for k in range(half)]
        held_odd = [Signal(acc, name=f"held_odd_{k}") for k in range(half)]
        with m.If(whole):
            m.d.sync += [x.eq(y) for x, y in zip(held_even + held_odd, even + odd, strict=True)]
        valid, k, last, bank = self._sweep(m, whole, last, bank)
        mirror = Array(min(k, n - 1 - k) for k in range(n))[k]
        e, o, total = Signal(acc), Signal(acc), Signal(acc)
        m.d.sync += [
            e.eq(Array(held_even)[mirror]),
            o.eq(Mux(k >= half, -Array(held_odd)[mirror], Array(held_odd)[mirror])),
            total.eq(e + o),
        ]
        valid, last, bank = (delay(m, flag, 2) for flag in (valid, last, bank))
        self._leave(m, outlet, total, valid, last, bank)
        return m
