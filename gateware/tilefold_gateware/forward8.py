"""Forward pass over vectors of eight points, with three multipliers a lane.

The matrix is folded twice. Its columns are symmetric, so the sums ``s = x[k] + x[7-k]`` make the
outputs of even number and the differences ``d`` those of odd number; the even half is symmetric
once more. An even output then takes two products and an odd one four, which are 24 for a vector,
and the sums are the same integers as those of the full matrix product.
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal

from tilefold_hw import latency
from tilefold_hw.transform import Pass

from .adder import add_either, add_or_subtract
from .arith import shape
from .pipeline import delay
from .streams import each
from .vector import HALF, POINTS, VectorPass, multiply


class _Forward(VectorPass):
    def __init__(self, step: Pass, lanes: int = 1, lag: int = 0, *, rounded: bool = True):
        super().__init__(step, lanes, lag, rounded=rounded)
        self.folded = shape(step.i + step.i)
        self.twice = shape((step.i + step.i) + (step.i + step.i))
        self.acc = shape(step.accumulator)
        self.cycles = latency.multiply(self.twice.width)
        self.depth = latency.forward(step)

    def _times(self, m: Module, name: str, operand, constants, following):
        """Product of *operand* and the constant of its slot, as wide as the exact sum.

        *following* is the slot a cycle before: the constant then comes out of a register.
        """
        constant = Signal(shape(self.step.constant), name=f"{name}_constant", init=constants[0])
        product = Signal(self.acc, name=name)
        if len(constants) > 1:
            m.d.sync += constant.eq(Array(constants)[following])
        else:
            m.d.comb += constant.eq(constants[0])
        multiplied = multiply(m, f"{name}_multiplier", operand, constant, self.cycles)
        m.d.comb += product.eq(multiplied)
        return product

    def _round(self, m: Module, totals) -> None:
        """Leave with *totals*, and the half that rounds them."""
        half = 1 << self.step.shift >> 1 if self.rounded else 0
        self._leave(m, [total + half for total in totals])


class SerialForward(_Forward):
    """Forward pass at one item a cycle: see :class:`~tilefold_gateware.vector.VectorPass`.

    Three multipliers share the 24 products. An output of odd number has all of them for a cycle and
    one of them for the next, in which the other two make an output of even number.

    Golden model: :func:`tilefold.model.dct.dct`.
    """

    def elaborate(self, platform):
        m = Module()
        entered, place, whole = self._enter(m)

        # Items of the second half meet those of the first, 4 with 3 and at last 7 with 0.
        item = shape(self.step.i)
        first = [Signal(item, name=f"first_{k}") for k in range(HALF - 1)]
        partner = Signal(item)
        sums = [Signal(self.folded, name=f"staged_sum_{k}") for k in range(1, HALF)]
        differences = [Signal(self.folded, name=f"staged_difference_{k}") for k in range(1, HALF)]
        s = [Signal(self.folded, name=f"s_{k}") for k in range(HALF)]
        d = [Signal(self.folded, name=f"d_{k}") for k in range(HALF)]
        with m.If(entered):
            with m.If(place < HALF - 1):
                m.d.sync += Cat(first).eq(Cat(self.data, first))
            m.d.sync += [
                partner.eq(Array([*first, self.data])[place[:2]]),
                Cat(sums).eq(Cat((partner + self.data)[: self.folded.width], sums)),
                Cat(differences).eq(Cat((partner - self.data)[: self.folded.width], differences)),
            ]
        with m.If(whole):
            m.d.sync += [
                Cat(s).eq(Cat((partner + self.data)[: self.folded.width], sums)),
                Cat(d).eq(Cat((partner - self.data)[: self.folded.width], differences)),
            ]

        # Slots in pairs: of the first, three products of an odd output; of the second, its fourth
        # and both of the even output, whose operands are made in the first.
        slot, following = self._count(m, whole)
        even = [Signal(self.twice, name=f"even_{k}") for k in range(2)]
        for k, x in enumerate(even):
            fold = add_or_subtract(m, f"fold_{k}", len(x), s[k], s[3 - k], slot[1])
            m.d.sync += x.eq(fold)
        matrix, products = self.step.matrix, []
        for k, (row, column) in enumerate([(1, 3), (0, 0), (0, 1)]):
            operand = Signal(self.twice if k else self.folded, name=f"operand_{k}")
            m.d.comb += operand.eq(Mux(slot[0], even[k - 1] if k else d[3], d[k]))
            constants = []
            for u in range(0, POINTS, 2):
                constants += [matrix[u + 1][k], matrix[u + row][column]]
            products.append(self._times(m, f"product_{k}", operand, constants, following))

        # cycle 1: two products; cycle 2: three; cycle 3: all four. The second pair is even alone.
        single, pair = Signal(self.acc), Signal(self.acc)
        three, odd = Signal(self.acc), Signal(self.acc)
        m.d.sync += [
            single.eq(products[0]),
            pair.eq(products[1] + products[2]),
            three.eq(single + pair),
            odd.eq(three + single),
        ]
        is_even = delay(m, slot[0], self.cycles + 1)
        if self.rounded:
            half = 1 << self.step.shift >> 1
            total = add_either(m, "rounding", len(odd), half, is_even, pair, odd)
        else:
            total = Mux(is_even, pair, odd)
        self._leave(m, [total])
        return m


class ParallelForward(_Forward):
    """Forward pass at two, four or eight items a cycle.

    See :class:`~tilefold_gateware.vector.VectorPass`; every output has multipliers of its own, but
    those of eight lanes share the products of outputs 0 and 4: 6, 12 or 22 multipliers.

    Golden model: :func:`tilefold.model.dct.dct`.
    """

    def elaborate(self, platform):
        m = Module()
        entered, _, whole = self._enter(m)
        lanes, matrix = self.lanes, self.step.matrix

        items = each(self.data, lanes)
        stored = [Signal(shape(self.step.i), name=f"item_{k}") for k in range(POINTS - lanes)]
        with m.If(entered):
            m.d.sync += Cat(stored).eq(Cat(*stored[lanes:], *items)[: len(Cat(stored))])
        x = [*stored, *items]
        s = [Signal(self.folded, name=f"s_{k}") for k in range(HALF)]
        d = [Signal(self.folded, name=f"d_{k}") for k in range(HALF)]
        with m.If(whole):
            for k in range(HALF):
                m.d.sync += [s[k].eq(x[k] + x[7 - k]), d[k].eq(x[k] - x[7 - k])]
        slot, following = self._count(m, whole)

        # cycle 1: fold the even half once more, while the odd half multiplies.
        products = {}

        def times(name, operand, constants, following):
            """Product, and whether it is to be subtracted: another output may have it already."""
            key = (id(operand), *map(abs, constants))
            if len(constants) > 1 or key not in products:
                products[key] = (self._times(m, name, operand, constants, following), constants[0])
            product, sign = products[key]
            return product, constants[0] != sign

        totals = []
        folds = {}
        for lane in range(lanes):
            outputs = range(lane, POINTS, lanes)
            if lane % 2:
                terms = [
                    times(f"odd_{lane}_{k}", d[k], [matrix[u][k] for u in outputs], following)
                    for k in range(HALF)
                ]
                pairs = [self._sum(m, f"pair_{lane}_{k}", terms[k : k + 2]) for k in (0, 2)]
                totals.append(self._sum(m, f"total_{lane}", [(pair, False) for pair in pairs]))
                continue
            # Outputs 0 and 4 are made of sums, 2 and 6 of differences; two lanes do both in turn.
            kinds = [u // 2 % 2 for u in outputs]
            subtract = slot[0] if len(set(kinds)) > 1 else Const(kinds[0], 1)
            kind = tuple(kinds)
            if kind not in folds:
                folds[kind] = [Signal(self.twice, name=f"even_{lane}_{k}") for k in range(2)]
                for k, e in enumerate(folds[kind]):
                    fold = add_or_subtract(m, f"fold_{lane}_{k}", len(e), s[k], s[3 - k], subtract)
                    m.d.sync += e.eq(fold)
            terms = [
                times(f"even_{lane}_{k}", folds[kind][k], [matrix[u][k] for u in outputs], slot)
                for k in range(2)
            ]
            totals.append(self._sum(m, f"total_{lane}", terms))
        self._round(m, totals)
        return m

    def _sum(self, m, name, terms):
        """Sum, or difference, of two terms, a cycle later."""
        (x, _), (y, minus) = terms
        total = Signal(self.acc, name=name)
        m.d.sync += total.eq(x - y if minus else x + y)
        return total
