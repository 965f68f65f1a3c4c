"""Inverse pass over vectors of eight points, with three multipliers a lane.

The transpose of the forward pass: every item is multiplied as it comes. Items of odd number make
four sums ``odd[k]``; those of even number make ``A``, ``B`` (from 0 and 4) and ``C``, ``D`` (from 2
and 6). Then ``even = A + C, B + D, B - D, A - C``, and the two halves of the output are
``even[k] ± odd[k]``. The integers are those of the full matrix product.
"""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal

from tilefold_hw import latency
from tilefold_hw.transform import Pass

from .adder import add_or_subtract
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

    def _times(self, m: Module, name: str, item, constants, place):
        """Product of *item* and the constant of its *place*, as wide as the exact sum."""
        constant = Signal(shape(self.step.constant), name=f"{name}_constant")
        product = Signal(self.acc, name=name)
        m.d.comb += [
            constant.eq(Array(constants)[place] if len(constants) > 1 else constants[0]),
            product.eq(multiply(m, f"{name}_multiplier", item, constant, self.cycles)),
        ]
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

        # An odd item's fourth product is made in the cycle after, from what is kept of it.
        again = Signal()
        kept, kept_place = Signal(shape(self.step.i)), Signal(2)
        m.d.sync += [
            again.eq(entered & place[0]),
            kept.eq(self.data),
            kept_place.eq(place[1:]),
        ]
        item = Signal(shape(self.step.i))
        number = Signal(3)
        m.d.comb += [
            item.eq(Mux(again, kept, self.data)),
            number.eq(Mux(again, Cat(again, kept_place), Cat(0, place[1:]))),
        ]
        odds = range(1, POINTS, 2)
        constants = [matrix[0][u] for u in odds], [matrix[3][u] for u in odds]
        turns = [c for pair in zip(*constants, strict=True) for c in pair]
        products = [
            self._times(m, "product_0", item, turns, number),
            *(
                self._times(
                    m,
                    f"product_{k}",
                    self.data,
                    [matrix[k if u % 2 else k - 1][u] for u in range(POINTS)],
                    place,
                )
                for k in (1, 2)
            ),
        ]
        odd, even, third, ends = (
            delay(m, flag, self.cycles)
            for flag in (
                entered & place[0],
                entered & ~place[0],
                (entered & place[0]) | again,
                whole,
            )
        )
        odd_next = delay(m, place[0], self.cycles - 1)

        # cycle 1: add to the sums. Two that take turns at an adder go round in a ring. At the end
        # of a vector they are held for the way out, and begin again from their first values.
        held = {name: self._number(f"held_{name}") for name in ("A", "B", "C", "D", 0, 1, 2, 3)}
        ring = [self._number(f"odd_{k}") for k in (3, 0)]
        turn = self._number("sum_0")
        m.d.comb += turn.eq(products[0] + ring[1])
        with m.If(third):
            m.d.sync += [ring[0].eq(turn), ring[1].eq(ring[0])]
        ended = delay(m, ends, 1)
        with m.If(ended):
            m.d.sync += [held[0].eq(ring[0]), held[3].eq(turn), *(x.eq(0) for x in ring)]
        for k, (upper, lower) in ((1, ("A", "C")), (2, ("B", "D"))):
            alone = self._number(f"odd_{k}")
            ring = [self._number(f"even_{lower}"), self._number(f"even_{upper}", self.rounding)]
            # Odd and even items alternate: the sum that is next has been at rest for a cycle.
            so_far, turn = self._number(f"so_far_{k}"), self._number(f"sum_{k}")
            m.d.comb += turn.eq(products[k] + so_far)
            m.d.sync += so_far.eq(Mux(odd_next, Mux(ended, 0, alone), ring[1]))
            with m.If(odd):
                m.d.sync += alone.eq(turn)
            with m.If(even):
                m.d.sync += [ring[0].eq(turn), ring[1].eq(ring[0])]
            with m.If(ends):
                m.d.sync += [
                    so_far.eq(self.rounding),
                    held[lower].eq(ring[0]),
                    held[upper].eq(ring[1]),
                    ring[0].eq(0),
                    ring[1].eq(self.rounding),
                ]
            with m.If(ended):
                m.d.sync += [held[k].eq(alone), alone.eq(0)]

        # cycle 2: the even sum; cycle 3: the odd one with its sign; cycle 4: both. What chooses
        # among them is in registers of its own: it decides for every bit.
        _, following = self._count(m, ends)
        k, outer, mirrored = Signal(2), Signal(), Signal()
        k_following = following[:2] ^ following[2].replicate(2)
        m.d.sync += [
            k.eq(k_following),
            outer.eq(k_following[0] == k_following[1]),
            mirrored.eq(following[2]),
        ]
        even_sum, signed_odd, minus = self._number("even_sum"), self._number("signed_odd"), Signal()
        upper = Mux(outer, held["A"], held["B"])
        lower = Mux(outer, held["C"], held["D"])
        odd_sum = Array(held[number] for number in range(HALF))[delay(m, k, 1)]
        mirrored_later = delay(m, mirrored, 1)
        m.d.sync += [
            even_sum.eq(add_or_subtract(m, "even_adder", len(even_sum), upper, lower, k[1])),
            signed_odd.eq(odd_sum ^ mirrored_later.replicate(len(odd_sum))),
            minus.eq(mirrored_later),
        ]
        even_sum = Cat(1, delay(m, even_sum, 1)).as_signed()
        self._leave(m, [(even_sum + Cat(minus, signed_odd).as_signed()) >> 1])
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
                    product = self._times(m, f"product_{lane}_{row}", item, constants, place)
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
