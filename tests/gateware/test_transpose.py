# amaranth: UnusedElaboratable=no

from functools import cache

import numpy as np
import pytest
from amaranth.hdl import Array, Module, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from helpers.bench import STALLS, Bench
from helpers.stimuli import framing

from tilefold_gateware.streams import banks, inner
from tilefold_gateware.transpose import Transposer
from tilefold_hw import latency


class Varied(wiring.Component):
    """Transposer whose *n*-th packet has its own dimension, or dimensions."""

    def __init__(self, rows, columns, vary, counts, less=0, smaller=()):
        self.dut = Transposer(16, rows, columns, vary=vary, less=less)
        self.counts = counts
        self.smaller = smaller
        layout = inner(16)
        super().__init__({"i": In(stream.Signature(layout)), "o": Out(stream.Signature(layout))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = self.dut
        connect(m, flipped(self.i), dut.i)
        connect(m, dut.o, flipped(self.o))
        packet = Signal(range(len(self.counts) + 1))
        # The count of the other bank is that of the packet to come.
        settings = [(dut.counts, self.counts)]
        if self.smaller:
            settings.append((dut.smaller, self.smaller))
        for port, values in settings:
            values = Array([*values, 0, 0])
            for bank, value in enumerate(banks(port)):
                m.d.comb += value.eq(values[packet + (packet[0] ^ bank)])
        with m.If(self.i.valid & self.i.ready & self.i.payload.last):
            m.d.sync += packet.eq(packet + 1)
        return m


@cache
def square(n):
    return Bench(Transposer(signed(12), n, n))


def matrices(count, rows, columns):
    return np.arange(count * rows * columns).reshape(count, rows, columns) % 4000 - 2000


def transposed(x):
    return x.swapaxes(-1, -2).ravel()


def check(run, x, packet):
    np.testing.assert_array_equal(run.data, transposed(x))
    for name, expected in framing(x.size, packet).items():
        np.testing.assert_array_equal(run[name], expected)


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("n", [4, 7])
def test_squares_come_by_columns(n, stall):
    x = matrices(6, n, n)
    check(
        square(n).run({"data": x.ravel(), **framing(x.size, 2 * n * n)}, stall=stall), x, 2 * n * n
    )


@pytest.mark.parametrize("n", [8, 16])
def test_large_squares_come_by_columns(n):
    x = matrices(4, n, n)
    items = {"data": x.ravel(), **framing(x.size, n * n)}
    check(square(n).run(items, stall=STALLS["bursts"]), x, n * n)


@pytest.mark.parametrize(
    ("rows", "columns"), [(16, 3), (3, 16), (16, 1), (1, 16), (16, 16), (5, 2), (2, 5)]
)
def test_any_dimensions_for_as_long_as_their_addresses_take_to_come_round(rows, columns):
    # The address of an item is multiplied by the columns, modulo size - 1, from one to the next.
    size = rows * columns
    count = 2 + next(k for k in range(1, size) if pow(columns, k, size - 1) in (0, 1))
    x = matrices(count, rows, columns)
    run = Bench(Transposer(signed(12), rows, columns)).run(
        {"data": x.ravel(), **framing(x.size, size)}
    )
    check(run, x, size)
    np.testing.assert_array_equal(np.diff(run.sent), 1)
    np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize("vary", ["rows", "columns"])
@pytest.mark.parametrize("stall", ["flowing", "both", "late", "bursts"])
def test_the_dimension_may_change_with_every_packet(vary, stall):
    counts = [3, 3, 1, 4, 5, 5, 5, 2, 1, 1, 3]
    rng = np.random.default_rng(0)
    packets = []
    for count in counts:
        shape = (count, 9) if vary == "rows" else (9, count)
        packets.append(rng.integers(0, 1 << 16, (int(rng.integers(1, 4)), *shape)))
    last = np.concatenate([np.arange(x.size) == x.size - 1 for x in packets])
    bank = np.concatenate([np.full(x.size, k % 2) for k, x in enumerate(packets)])
    sizes = (5, 9) if vary == "rows" else (9, 5)
    run = Bench(Varied(*sizes, vary, counts)).run(
        {"data": np.concatenate([x.ravel() for x in packets]), "last": last, "bank": bank},
        stall=STALLS[stall],
    )
    np.testing.assert_array_equal(run.data, np.concatenate([transposed(x) for x in packets]))
    np.testing.assert_array_equal(run["last"], last)
    np.testing.assert_array_equal(run["bank"], bank)


@pytest.mark.parametrize("vary", ["rows", "columns"])
@pytest.mark.parametrize("stall", ["flowing", "both", "late", "bursts"])
def test_both_dimensions_may_change_with_every_packet(vary, stall):
    counts = [3, 3, 3, 1, 1, 4, 5, 5, 5, 2, 1, 1, 3]
    smaller = [1, 0, 0, 0, 1, 1, 1, 0, 1, 0, 0, 0, 1]
    rng = np.random.default_rng(0)
    packets = []
    for count, small in zip(counts, smaller, strict=True):
        other = 9 - 3 * small
        shape = (count, other) if vary == "rows" else (other, count)
        packets.append(rng.integers(0, 1 << 16, (int(rng.integers(1, 4)), *shape)))
    last = np.concatenate([np.arange(x.size) == x.size - 1 for x in packets])
    bank = np.concatenate([np.full(x.size, k % 2) for k, x in enumerate(packets)])
    sizes = (5, 9) if vary == "rows" else (9, 5)
    run = Bench(Varied(*sizes, vary, counts, 3, smaller)).run(
        {"data": np.concatenate([x.ravel() for x in packets]), "last": last, "bank": bank},
        stall=STALLS[stall],
    )
    np.testing.assert_array_equal(run.data, np.concatenate([transposed(x) for x in packets]))
    np.testing.assert_array_equal(run["last"], last)
    np.testing.assert_array_equal(run["bank"], bank)


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (7, 7), (8, 8), (16, 5), (1, 9), (9, 1)])
def test_latency_and_rate(rows, columns):
    x = matrices(3, rows, columns)
    run = Bench(Transposer(signed(12), rows, columns)).run(
        {"data": x.ravel(), **framing(x.size, rows * columns)}
    )
    assert run.latency == latency.transpose(rows, columns)
    np.testing.assert_array_equal(np.diff(run.sent), 1)
    np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize("vary", ["rows", "columns"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_dimension_set_at_run_time_changes_no_latency_once_it_has_settled(vary, count):
    sizes = (5, 16) if vary == "rows" else (16, 5)
    bench = Bench(Transposer(16, *sizes, vary=vary))
    x = np.arange(count * 16 * 3)
    counts = {"bank_0": count, "bank_1": count}
    run = bench.run({"data": x, **framing(x.size, count * 16)}, inputs={"counts": counts})
    rows, columns = (count, 16) if vary == "rows" else (16, count)
    assert run.latency == latency.transpose(rows, columns) + latency.VARY + latency.SETTLE
    # The first item waits in a register, and one behind it.
    np.testing.assert_array_equal(np.diff(run.sent)[1:], 1)
    np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize("vary", ["rows", "columns"])
@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("small", [0, 1])
def test_both_dimensions_set_at_run_time_change_no_latency_once_they_have_settled(
    vary, count, small
):
    sizes = (5, 64) if vary == "rows" else (64, 5)
    other = 49 if small else 64
    inputs = {
        name: {"bank_0": value, "bank_1": value}
        for name, value in (("counts", count), ("smaller", small))
    }
    x = np.arange(count * other * 3)
    run = Bench(Transposer(16, *sizes, vary=vary, less=15)).run(
        {"data": x, **framing(x.size, count * other)}, inputs=inputs
    )
    rows, columns = (count, other) if vary == "rows" else (other, count)
    assert run.latency == latency.transpose(rows, columns) + latency.VARY + latency.SETTLE
    np.testing.assert_array_equal(np.diff(run.sent)[1:], 1)
    np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize("side", [0, 1])
def test_a_stall_costs_its_own_cycles_and_no_more(side):
    x = matrices(6, 8, 8)
    items = {"data": x.ravel(), **framing(x.size, 64)}
    flowing = square(8).run(items)
    for cycles in (1, 5, 40, 150):
        stall = [0, 0]
        stall[side] = lambda cycle, cycles=cycles: 100 <= cycle < 100 + cycles
        run = square(8).run(items, stall=tuple(stall))
        np.testing.assert_array_equal(run.data, flowing.data)
        assert run.received[-1] - flowing.received[-1] <= cycles


@pytest.mark.parametrize("spoil", [1, 20, 64, 100])
def test_a_reset_forgets_the_matrix_it_cuts(spoil):
    x = matrices(2, 8, 8)
    items = {"data": x.ravel(), **framing(x.size, 64)}
    run = Bench(Transposer(signed(12), 8, 8), resettable=True).run(items, spoil=spoil)
    check(run, x, 64)


def test_rejects_what_cannot_vary():
    with pytest.raises(ValueError, match=r"^vary must be None, 'rows' or 'columns', not 'row'$"):
        Transposer(8, 4, 4, vary="row")


@pytest.mark.parametrize(("vary", "less"), [(None, 3), ("rows", 2), ("columns", 14)])
def test_rejects_what_cannot_be_less(vary, less):
    sentence = f"less must be 0, or with vary one less than a power of two, not {less}"
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        Transposer(8, 16, 4, vary=vary, less=less)


def test_rejects_a_matrix_too_small():
    with pytest.raises(
        ValueError, match=r"^rows and columns must add up to 7 or more, not 2 \+ 2$"
    ):
        Transposer(8, 2, 2)
