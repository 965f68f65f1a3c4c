import numpy as np
import pytest
from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from helpers.bench import STALLS, Bench
from helpers.maps import Maps, bench, check_raster, check_unraster, pair

from tilefold.model.tiles import group_count
from tilefold_gateware.raster import Raster, Unraster
from tilefold_hw import latency
from tilefold_hw.config import CodecConfig
from tilefold_hw.raster import ORDERS, RasterConfig

FOUR = CodecConfig(tile=4, channels=5, tables=3, word_width=16)


def eight(lanes, **fields):
    return CodecConfig(channels=4, tables=1, lanes=lanes, word_width=256, **fields)


class Sizes(wiring.Component):
    """Front whose *n*-th map or packet has a size of its own, told in one cycle alone."""

    def __init__(self, dut, counts, sizes):
        self.dut = dut
        self.counts = counts
        self.sizes = sizes
        shapes = (dut.i.payload.shape(), dut.o.payload.shape())
        super().__init__(
            {"i": In(stream.Signature(shapes[0])), "o": Out(stream.Signature(shapes[1]))}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = self.dut
        connect(m, flipped(self.i), dut.i)
        connect(m, dut.o, flipped(self.o))
        number, item = Signal(range(len(self.counts) + 1)), Signal(32)
        for name in self.sizes[0]:
            value = Array([*(size[name] for size in self.sizes), 0])[number]
            right = self.i.valid & (item == 0)
            port = getattr(dut, name)
            m.d.comb += port.eq(value ^ Cat(~right).replicate(len(port)))
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += item.eq(item + 1)
            with m.If(item == Array([*self.counts, 0])[number] - 1):
                m.d.sync += [item.eq(0), number.eq(number + 1)]
        return m


SIZES = [
    (1, 1, 1),  # a pixel
    (1, 4, 4),  # a tile
    (5, 4, 4),
    (2, 8, 8),
    (5, 5, 8),  # the longest row
    (1, 5, 40),
    (3, 6, 9),
    (3, 1, 10),
    (4, 11, 3),
]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_matches_the_model_with_stalls(order, size):
    config = RasterConfig(FOUR, order, 40)
    for check, maps in pair(config, [size] * 2):
        for stall in ("both", "bursts"):
            check(maps, stall=STALLS[stall])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("stall", ["flowing", "starved", "blocked", "late"])
def test_matches_the_model_however_it_is_stalled(order, stall):
    config = RasterConfig(FOUR, order, 40)
    for check, maps in pair(config, [(3, 6, 9)] * 3):
        check(maps, stall=STALLS[stall])


BUILDS = [
    (CodecConfig(tile=4, channels=1, tables=1), 4),
    (CodecConfig(tile=7, channels=3, tables=1, sample_width=9, sample_signed=True), 42),
    pytest.param(CodecConfig(tile=16, channels=2, tables=1), 32, marks=pytest.mark.slow),
    (eight(1, sample_width=16, sample_signed=True), 24),
    (eight(2), 48),
    (eight(4), 48),
    (eight(8), 48),
]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("codec", "row_samples"), BUILDS, ids=str)
def test_matches_the_model_in_any_build(order, codec, row_samples):
    config = RasterConfig(codec, order, row_samples)
    n = codec.tile
    for channels in {1, config.channels}:
        most = row_samples // n // channels * n
        for width, height in ((1, n - 1), (most - 1, n + 1), (most, n)):
            for check, maps in pair(config, [(channels, height, width)] * 2):
                check(maps, stall=STALLS["both"])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("stall", ["flowing", "both", "bursts", "late"])
def test_each_map_may_have_a_size_of_its_own(order, stall):
    rng = np.random.default_rng(0)
    sizes = []
    for _ in range(12):
        channels = int(rng.integers(1, 6))
        width = int(rng.integers(1, 40 // channels // 4 * 4 + 1)) if rng.random() < 0.5 else 4
        sizes += [(channels, int(rng.integers(1, 10)), width)] * int(rng.integers(1, 3))
    config = RasterConfig(FOUR, order, 40)
    for kind, (check, maps) in zip((Raster, Unraster), pair(config, sizes), strict=True):
        sent = maps.rows if kind is Raster else maps.groups
        dut = Bench(Sizes(kind(config), [len(each) for each in sent], maps.sizes))
        check(maps, dut, stall=STALLS[stall])


@pytest.mark.parametrize("order", ORDERS)
def test_each_map_may_choose_tiles_of_seven(order):
    sizes = [(2, 9, 8, 8), (2, 9, 8, 7), (2, 7, 14, 7), (1, 7, 7, 7), (1, 3, 32, 8), (4, 8, 7, 7)]
    config = RasterConfig(eight(1, sevens=True), order, 32)
    for kind, (check, maps) in zip((Raster, Unraster), pair(config, sizes), strict=True):
        sent = maps.rows if kind is Raster else maps.groups
        dut = Bench(Sizes(kind(config), [len(each) for each in sent], maps.sizes))
        for stall in ("flowing", "both"):
            check(maps, dut, stall=STALLS[stall])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [*SIZES, (1, 8, 8), (1, 4, 20), (5, 8, 8)], ids=str)
def test_an_item_a_cycle_padding_counted(order, size):
    channels, height, width = size
    config = RasterConfig(FOUR, order, 40)
    (raster_check, maps), (unraster_check, back) = pair(config, [size] * 4)
    run = raster_check(maps)
    assert len(run.received) == 4 * group_count(height, width, 4) * 16 * channels
    np.testing.assert_array_equal(np.diff(run.received), 1)
    if height % 4 == width % 4 == 0:
        np.testing.assert_array_equal(np.diff(run.sent)[1:], 1)
    run = unraster_check(back)
    # The first item waits in a register, and one behind it.
    np.testing.assert_array_equal(np.diff(run.sent)[1:], 1)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("lanes", [2, 4, 8])
@pytest.mark.parametrize("size", [(1, 8, 8), (4, 8, 16), (1, 8, 64), (2, 5, 9)])
def test_lanes_pass_an_item_a_cycle(order, lanes, size):
    config = RasterConfig(eight(lanes), order, 64)
    (raster_check, maps), (unraster_check, back) = pair(config, [size] * 4)
    np.testing.assert_array_equal(np.diff(raster_check(maps).received), 1)
    np.testing.assert_array_equal(np.diff(unraster_check(back).sent)[1:], 1)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("codec", "size"),
    [
        (FOUR, (1, 4, 4)),
        (FOUR, (5, 4, 8)),
        (FOUR, (3, 8, 9)),
        (FOUR, (1, 3, 40)),
        (eight(1), (2, 9, 17)),
        (eight(2), (2, 9, 17)),
        (eight(8), (1, 9, 17)),
        (eight(8), (3, 8, 8)),
        (eight(1, sevens=True), (2, 7, 21, 7)),
    ],
    ids=str,
)
def test_latency(order, codec, size):
    config = RasterConfig(codec, order, 56)
    channels, _, width, *tile = size
    for (check, maps), told in zip(
        pair(config, [size] * 2), (latency.raster, latency.unraster), strict=True
    ):
        first = len((maps.rows if check is check_raster else maps.groups)[0])
        run = check(maps, hold={first: 1500})
        expected = told(config, width, channels, *tile)
        assert run.latency == expected + latency.extent(width, *tile or [codec.tile])
        out = len((maps.groups if check is check_raster else maps.kept)[0])
        assert run.received[out] - run.sent[first] == expected


def test_a_map_of_an_item_waits_for_the_end_of_its_tiles():
    config = RasterConfig(FOUR, row_samples=40)
    run = check_unraster(Maps(config, [(1, 1, 1)], FOUR.restored))
    assert run.latency == latency.unraster(config, 1, 1) + latency.extent(1, 4) + 15


@pytest.mark.parametrize("order", ORDERS)
def test_a_map_of_another_size_waits_until_the_one_before_has_left(order):
    config = RasterConfig(FOUR, order, 40)
    sizes = [(2, 8, 12), (3, 8, 12)]
    maps = Maps(config, sizes, FOUR.sample)
    run = check_raster(maps, Bench(Sizes(Raster(config), list(map(len, maps.rows)), maps.sizes)))
    left = run.received[len(maps.groups[0]) - 1]
    came = run.received[len(maps.groups[0])]
    # It has come into a register already, and a cycle passes until what left is counted.
    assert came - left == latency.raster(config, 12, 3) + latency.extent(12, 4)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("side", [0, 1])
def test_a_stall_costs_its_own_cycles_and_no_more(order, side):
    config = RasterConfig(FOUR, order, 40)
    for check, maps in pair(config, [(2, 8, 12)] * 4):
        flowing = check(maps)
        for cycles in (1, 5, 40, 400):
            stall = [0, 0]
            stall[side] = lambda cycle, cycles=cycles: 250 <= cycle < 250 + cycles
            run = check(maps, stall=tuple(stall))
            assert run.received[-1] - flowing.received[-1] <= cycles


def test_many_small_maps_leave_before_one_of_another_size():
    config = RasterConfig(CodecConfig(tile=4, channels=40, tables=1), "row-planar", 160)
    sizes = [(1, 1, 1)] * 50 + [(2, 4, 8)]
    for kind, (check, maps) in zip((Raster, Unraster), pair(config, sizes), strict=True):
        sent = maps.rows if kind is Raster else maps.groups
        dut = Bench(Sizes(kind(config), [len(each) for each in sent], maps.sizes))
        check(maps, dut, stall=(0, lambda cycle: cycle < 800))


def test_a_packet_may_be_some_maps():
    config = RasterConfig(FOUR, row_samples=40)
    maps = Maps(config, [(2, 5, 7)] * 3, FOUR.restored)
    count = sum(map(len, maps.groups))
    items = {"data": maps.items(maps.groups), "last": np.arange(count) == count - 1}
    kept = np.concatenate(maps.kept).ravel()
    run = bench(Unraster, config).run(items, kept.size, inputs=maps.sizes[0])
    np.testing.assert_array_equal(run.data, kept)
    np.testing.assert_array_equal(np.flatnonzero(run["last"]), [kept.size - 1])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("spoil", [1, 30, 100, 150])
def test_a_reset_forgets_the_map_it_cuts(order, spoil):
    config = RasterConfig(FOUR, order, 40)
    for kind, (check, maps) in zip((Raster, Unraster), pair(config, [(2, 7, 10)] * 2), strict=True):
        dut = Bench(kind(config), resettable=True)
        check(maps, dut, inputs=maps.sizes[0], spoil=spoil)
