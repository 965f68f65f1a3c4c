"""Inverse pass over vectors of eight points, with three multipliers a lane.

The transpose of the forward pass: every item is multiplied as it comes. Items of odd number make
four sums ``odd[k]``; those of even number make ``A``, ``B`` (from 0 and 4) and ``C``, ``D`` (from 2
and 6). Then ``even = A + C, B + D, B - D, A - C``, and the two halves of the output are
``even[k] ± odd[k]``. The integers are those of the full matrix product.
"""

from typing import Any

from amaranth.hdl import Array, Module, Mux, Signal

from tilefold_hw import latency
from tilefold_hw.transform import Pass

from .adder import add_either, add_or_subtract
from .arith import shape
from .pipeline import delay
from .streams import each
from .vector import HALF, POINTS, VectorPass, multiply


class _Inverse(VectorPass):
    def __init__(self, step: Pass, lanes: int = 1, lag: int = 0, *, rounded: bool = True):
        super().__init__(step, lanes, lag, rounded=rounded)
        self.acc = shape(step.accumulator)
        self.rounding = 1 << step.shift >> 1 if rounded else 0
        self.cycles = latency.multiply(step.i.width)

    def _constant(self, name: str, init: int = 0) -> Signal:
        return Signal(shape(self.step.constant), name=f"{name}_constant", init=init)

    def _constant_of(self, m: Module, name: str, constants, entered, place):
        """One of *constants* for the item of each place, out of a register: ready before it."""
        constant = self._constant(name, constants[0])
        if len(constants) > 1:
            with m.If(entered):
                m.d.sync += constant.eq(Array([*constants[1:], constants[0]])[place])
        else:
            m.d.comb += constant.eq(constants[0])
        return constant

    def _times(self, m: Module, name: str, item, constant):
        """Product of *item* and *constant*, as wide as the exact sum."""
        product = Signal(self.acc, name=name)
        m.d.comb += product.eq(multiply(m, f"{name}_multiplier", item, constant, self.cycles))
        return product

    def _number(self, name: str, init: int = 0) -> Signal:
        return Signal(self.acc, name=name, init=init)


class SerialInverse(_Inverse):
    """Inverse pass at one item a cycle: see :class:`~tilefold_gateware.vector.VectorPass`.

    Three multipliers share the 22 products: an item of odd number has all of them for a cycle, and
    one of them for the next, in which the other two take the next item, of even number.

    Golden model: :func:`tilefold.model.dct.idct`.
    """

    def __init__(self, step: Pass, lanes: int = 1, lag: int = 0, *, rounded: bool = True):
        super().__init__(step, lanes, lag, rounded=rounded)
        self.depth = latency.inverse(step, lanes)

    def elaborate(self, platform):
        m = Module()
        entered, place, whole = self._enter(m)
        matrix = self.step.matrix

        # An odd item's fourth product is made in the cycle after, from what is kept of it. The
        # constant is ready before its item, and that of row 3 comes behind that of row 0.
        again, kept = Signal(), Signal(shape(self.step.i))
        odd_enters = entered & place[0]
        m.d.sync += [again.eq(odd_enters), kept.eq(self.data)]
        constant = self._constant("product_0")
        with m.If(entered | again):
            turns = [matrix[3][u] if u % 2 else matrix[0][u + 1] for u in range(POINTS)]
            m.d.sync += constant.eq(Array(turns)[place])
        products = [self._times(m, "product_0", Mux(again, kept, self.data), constant)]
        for k in (1, 2):
            constants = [matrix[k if u % 2 else k - 1][u] for u in range(POINTS)]
            constant = self._constant_of(m, f"product_{k}", constants, entered, place)
            products.append(self._times(m, f"product_{k}", self.data, constant))
        products = [delay(m, product, 1) for product in products]
        is_odd, begins, came, third, zeroth, sixth, ends = (
            delay(m, flag, self.cycles + 1)
            for flag in (
                place[0],
                (place == 1) | delay(m, entered & (place == 1), 1),
                entered,
                odd_enters | again,
                entered & (place == 0),
                entered & (place == 6),
                whole,
            )
        )
        ended = delay(m, ends, 1)

        # cycle 1: add to the sums. Those that take turns at an adder go round in a ring: two odd
        # ones at the first, at each other one an odd one, of every second item, and two even ones.
        # When a sum has had its last item it is held for the way out, and begins again, the upper
        # even ones with what rounds.
        held = {name: self._number(f"held_{name}") for name in ("A", "B", "C", "D", 0, 1, 2, 3)}
        width = len(held["A"])
        ring = [self._number(f"ring_0_{age}") for age in range(2)]
        turn = add_either(m, "adder_0", width, products[0], begins, 0, ring[1])
        with m.If(third):
            m.d.sync += [ring[0].eq(turn), ring[1].eq(ring[0])]
        with m.If(ends):
            m.d.sync += held[0].eq(turn)
        with m.If(delay(m, ended, 1)):
            m.d.sync += held[3].eq(ring[0])
        for k, (upper, lower) in ((1, ("A", "C")), (2, ("B", "D"))):
            first = (0, 0, 0, self.rounding)
            ring = [self._number(f"ring_{k}_{age}", init) for age, init in enumerate(first)]
            turn = add_either(m, f"adder_{k}", width, products[k], is_odd, ring[1], ring[3])
            with m.If(came):
                m.d.sync += [x.eq(y) for x, y in zip(ring, (turn, *ring), strict=False)]
            with m.If(zeroth):
                m.d.sync += [ring[1].eq(0), ring[2].eq(0)]
            with m.If(sixth):
                m.d.sync += held[lower].eq(turn)
            with m.If(delay(m, sixth, 1)):
                m.d.sync += held[upper].eq(ring[2])
            with m.If(ends):
                m.d.sync += ring[3].eq(self.rounding)
            with m.If(ended):
                m.d.sync += held[k].eq(ring[0])

        # cycle 1, too: the lower term of the even sum with its sign; cycle 2: that sum, and two odd
        # ones with their sign; cycle 3: both, from one of the two. What chooses among them is in
        # registers of its own: it decides for every bit.
        _, following = self._count(m, delay(m, whole, self.cycles))
        k_following = following[:2] ^ following[2].replicate(2)
        k, outer = delay(m, k_following, 1), delay(m, k_following[0] == k_following[1], 1)
        lower = delay(m, Mux(outer, held["C"], held["D"]) ^ k[1].replicate(width), 1)
        k, outer, minus = delay(m, k, 1), delay(m, outer, 1), delay(m, following[2], 2)
        even_sum = add_either(
            m, "even_adder", width, lower.as_signed(), outer, held["A"], held["B"], k[1]
        )
        signed_odds = [
            delay(m, Mux(k[0], held[one + 1], held[one]) ^ minus.replicate(width), 1).as_signed()
            for one in (0, 2)
        ]
        total = add_either(
            m,
            "adder",
            width,
            delay(m, even_sum, 1),
            delay(m, k[1], 1),
            signed_odds[1],
            signed_odds[0],
            delay(m, minus, 1),
        )
        self._leave(m, [total])
        return m


class ParallelInverse(_Inverse):
    """Inverse pass at two, four or eight items a cycle, with 6, 12 or 22 multipliers.

    See :class:`~tilefold_gateware.vector.VectorPass`. Eight lanes share the products of items 0 and
    4, which both of their sums need.

    Golden model: :func:`tilefold.model.dct.idct`.
    """

    def __init__(self, step: Pass, lanes: int = 1, lag: int = 0, *, rounded: bool = True):
        super().__init__(step, lanes, lag, rounded=rounded)
        self.levels = 0 if lanes == 2 else 1
        self.depth = latency.inverse(step, lanes)

    def elaborate(self, platform):
        m = Module()
        entered, place, whole = self._enter(m)
        lanes = self.lanes

        # Products of every sum: with it whether to subtract, and the beats in which it counts.
        terms: dict[Any, list] = {name: [] for name in (*_EVEN_SUMS, *range(HALF))}
        for lane, item in enumerate(each(self.data, lanes)):
            numbers = range(lane, POINTS, lanes)
            made = {}
            for row, names in self._sums_of(numbers):
                constants = [self.step.matrix[row][u] for u in numbers]
                key = tuple(map(abs, constants)) if lanes == POINTS else row
                if key not in made:
                    name = f"product_{lane}_{row}"
                    constant = self._constant_of(m, name, constants, entered, place)
                    product = self._times(m, name, item, constant)
                    made[key] = product, constants[0]
                product, constant = made[key]
                for name in set(names):
                    beats = {beat for beat, other in enumerate(names) if other == name}
                    terms[name].append((product, constant != constants[0], beats))

        # Terms of one beat are added, then those of all beats; the sums are held for the way out.
        came, place, ends = (
            delay(m, flag, self.cycles + self.levels) for flag in (entered, place, whole)
        )
        held = {name: self._number(f"held_{name}") for name in terms}
        for name, parts in terms.items():
            beats = parts[0][2]
            values = [(product, minus) for product, minus, _ in parts]
            for level in range(self.levels):
                values = self._level(m, f"sum_{name}_{level}", values)
            first = self.rounding if name in ("A", "B") else 0
            if self.beats == 1:
                (value, _), *others = values
                m.d.sync += held[name].eq(value + (others[0][0] if others else first))
                continue
            total, sum_so_far = self._number(f"total_{name}"), self._number(f"sum_{name}", first)
            counts = came & Array(beat in beats for beat in range(self.beats))[place]
            m.d.comb += total.eq(sum_so_far + Mux(counts, values[0][0], 0))
            with m.If(came):
                m.d.sync += sum_so_far.eq(total)
            with m.If(ends):
                m.d.sync += [held[name].eq(total), sum_so_far.eq(first)]

        even = [self._number(f"even_{k}") for k in range(HALF)]
        odd = [delay(m, held[k], 1) for k in range(HALF)]
        a, b, c, d = (held[name] for name in _EVEN_SUMS)
        for k, value in enumerate((a + c, b + d, b - d, a - c)):
            m.d.sync += even[k].eq(value)
        order = [(k, False) for k in range(HALF)] + [(k, True) for k in reversed(range(HALF))]
        if lanes == POINTS:
            totals = [even[k] - odd[k] if minus else even[k] + odd[k] for k, minus in order]
            self._leave(m, [self._later(m, total) for total in totals])
            return m
        slot, _ = self._count(m, delay(m, ends, 1))
        totals = []
        for lane in range(lanes):
            ways = order[lane::lanes]
            x, y, minus = self._number(f"even_at_{lane}"), self._number(f"odd_at_{lane}"), Signal()
            mirrored = Array(minus for _, minus in ways)[slot]
            m.d.sync += [
                x.eq(Array(even[k] for k, _ in ways)[slot]),
                y.eq(Array(odd[k] for k, _ in ways)[slot]),
                minus.eq(mirrored),
            ]
            total = add_or_subtract(m, f"adder_{lane}", len(x), x, y, minus)
            totals.append(self._later(m, total))
        self._leave(m, totals)
        return m

    def _later(self, m, total):
        """Put *total* into a register: whoever takes it has more to do with it."""
        register = self._number("total")
        m.d.sync += register.eq(total)
        return register

    @staticmethod
    def _sums_of(numbers):
        """Rows of the matrix that a lane's items are multiplied by, and the sum of each beat."""
        if numbers[0] % 2:
            return [(k, [k] * len(numbers)) for k in range(HALF)]
        upper = ["A" if u % 4 == 0 else "C" for u in numbers]
        lower = ["B" if u % 4 == 0 else "D" for u in numbers]
        return [(0, upper), (1, lower)]

    def _level(self, m, name, values):
        """Add values in pairs, a cycle later."""
        sums = []
        for number in range(0, len(values), 2):
            total = self._number(f"{name}_{number}")
            (x, _), (y, minus) = (*values[number : number + 2], (0, False))[:2]
            m.d.sync += total.eq(x - y if minus else x + y)
            sums.append((total, False))
        return sums


_EVEN_SUMS = ("A", "B", "C", "D")
