# amaranth: UnusedElaboratable=no

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from helpers.bench import STALLS, Bench
from helpers.stimuli import random_projection

from tilefold.model.project import project
from tilefold_gateware.project import Projector
from tilefold_hw import latency
from tilefold_hw.budget import pixel_cycles
from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Clip, Projection, bias_format
from tilefold_hw.regs import encoder_map

# Multipliers, channels in and out: fewer, as many, more; one, a divisor, none.
SHAPES = [
    (1, 1, 1), (1, 4, 3), (2, 7, 5), (3, 2, 7), (4, 4, 4), (4, 3, 8), (5, 8, 5), (6, 8, 7),
    (7, 1, 8), (8, 5, 8), (8, 8, 1), (8, 2, 3), (13, 8, 8), (16, 3, 2), (16, 8, 8), (16, 1, 1),
    (3, 1, 7), (3, 8, 6), (2, 1, 3), (64, 8, 8), (64, 1, 8),
]  # fmt: skip


@cache
def projector(macs, channels=8, sample_width=8, signed=False, tables=1):
    config = CodecConfig(
        channels=channels,
        tables=tables,
        sample_width=sample_width,
        sample_signed=signed,
        word_width=64,
        project_macs=macs,
    )
    return Bench(Projector(config, macs, config.sample, encoder_map(config)))


def fill(dut, projection, bank=0):
    """Writes that put a projection into a bank."""
    channels, macs = dut.config.channels, dut.macs
    stride = 1 << (macs - 1).bit_length()
    weights = [
        (((m // macs * channels) + n) * stride + m % macs, weight)
        for m, row in enumerate(projection.weights)
        for n, weight in enumerate(row)
    ]
    contents = {
        "weights": weights,
        "biases": enumerate(projection.biases),
        "scales": enumerate(projection.scales),
        "shifts": enumerate(projection.shifts),
    }
    for name, writes in contents.items():
        port = getattr(dut, name)
        top = bank << len(port.address) - 1
        yield (
            port,
            [(top + address, value & (1 << len(port.data)) - 1) for address, value in writes],
        )


def cut(projection, outputs):
    """What is per output in a projection, of the first *outputs*."""
    names = ("weights", "biases", "scales", "shifts")
    return {name: getattr(projection, name)[:outputs] for name in names}


def check(bench, projections, packets, *, others=(), **how):
    """Send *packets*, ``[pixel, channel]``, on both banks in turn, and compare with the model.

    The memories hold *others* before.
    """
    dut = bench.dut
    settings = []
    for projection in projections:
        low, high = projection.clip.limits(dut.q)
        settings.append(
            {
                "inputs": projection.inputs,
                "outputs": projection.outputs,
                "low": low,
                "high": high,
            }
        )
    sizes = [packet.size for packet in packets]
    banks = np.arange(len(packets)) % 2
    items = {
        "data": np.concatenate([packet.ravel() for packet in packets]),
        "last": np.concatenate([np.arange(size) == size - 1 for size in sizes]),
        "bank": np.repeat(banks, sizes),
    }
    results = [
        project(packet, projections[bank], dut.q)
        for packet, bank in zip(packets, banks, strict=True)
    ]
    run = bench.run(
        items,
        sum(result.size for result in results),
        inputs={"settings": dict(zip(("bank_0", "bank_1"), settings, strict=False))},
        load=[
            writes
            for loaded in (others, projections)
            for bank, projection in enumerate(loaded)
            for writes in fill(dut, projection, bank)
        ],
        **how,
    )
    np.testing.assert_array_equal(run.data, np.concatenate([y.ravel() for y in results]))
    ends = np.cumsum([result.size for result in results]) - 1
    np.testing.assert_array_equal(np.flatnonzero(run["last"]), ends)
    np.testing.assert_array_equal(
        run["bank"], np.repeat(banks, [result.size for result in results])
    )
    return run


def random_case(bench, inputs, outputs, pixels=4, packets=2, seed=0, clip=None):
    dut = bench.dut
    rng = np.random.default_rng(seed)
    projections = [
        random_projection(rng, dut.config, dut.q, inputs, outputs, clip) for _ in range(2)
    ]
    return projections, [
        rng.integers(dut.q.min, dut.q.max + 1, (pixels, inputs)) for _ in range(packets)
    ]


@pytest.mark.parametrize(("macs", "inputs", "outputs"), SHAPES)
def test_matches_the_model(macs, inputs, outputs):
    bench = projector(macs)
    check(bench, *random_case(bench, inputs, outputs), stall=STALLS["both"])


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize(("macs", "inputs", "outputs"), [(1, 1, 6), (4, 3, 8), (16, 8, 5)])
def test_loses_nothing_in_a_stall(macs, inputs, outputs, stall):
    bench = projector(macs)
    check(bench, *random_case(bench, inputs, outputs, pixels=8), stall=stall)


def test_each_bank_has_its_own_channels_and_weights():
    bench = projector(4)
    one, packets_one = random_case(bench, 3, 7)
    two, packets_two = random_case(bench, 8, 2, seed=1, clip=Clip(20, 90))
    packets = [packets_one[0], packets_two[0], packets_one[1], packets_two[1]]
    for stall in ("flowing", "bursts"):
        check(bench, [one[0], two[0]], packets, stall=STALLS[stall])


@pytest.mark.parametrize(("sample_width", "signed"), [(4, True), (9, True), (16, False)])
def test_matches_the_model_for_samples_of_any_width(sample_width, signed):
    bench = projector(5, 8, sample_width, signed)
    q = bench.dut.q
    for clip in (None, Clip(0), Clip(q.max // 5, q.max // 3)):
        check(bench, *random_case(bench, 6, 8, clip=clip))


def test_works_with_one_channel_built_in():
    bench = projector(1, 1)
    check(bench, *random_case(bench, 1, 1, pixels=9))


@pytest.mark.parametrize(
    ("macs", "inputs", "outputs"),
    [
        (16, 9, 32),
        (16, 1, 33),
        pytest.param(16, 64, 64, marks=pytest.mark.slow),
        pytest.param(64, 40, 64, marks=pytest.mark.slow),
    ],
)
def test_all_lanes_work_at_once(macs, inputs, outputs):
    bench = projector(macs, 64)
    case = random_case(bench, inputs, outputs, pixels=3)
    run = check(bench, *case)
    assert run.latency == latency.project(inputs)
    period = pixel_cycles(macs, inputs, outputs)
    np.testing.assert_array_equal(np.diff(run.received[::outputs]), period)
    check(bench, *case, stall=STALLS["bursts"])


def test_lanes_without_an_output_disturb_no_other():
    # The last pass of a pixel has one output, and those of the next follow at once: weights that
    # are there for outputs that are not must not show.
    bench = projector(4)
    eight, packets = random_case(bench, 1, 8)
    check(bench, eight, packets)
    five = [replace(each, **cut(each, 5)) for each in eight]
    run = check(bench, five, packets, others=eight)
    np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize(
    ("macs", "sample_width", "signed"),
    [(4, 8, False), (4, 8, True), (4, 16, True), (16, 8, False), (3, 16, False)],
)
def test_no_sum_wraps(macs, sample_width, signed):
    # Every product, bias, scale and shift at its end: 64 channels, the sum as far out as it goes.
    bench = projector(macs, 64, sample_width, signed, tables=64)
    q = bench.dut.q
    bias = bias_format(q, 64)
    cases = [
        (weight, b, scale, shift)
        for weight in (-128, 127)
        for b in (bias.min, bias.max)
        for scale, shift in ((65535, 0), (65535, 47), (1, 0), (0, 0), (0, 47), (65535, 39))
    ]
    projection = Projection(
        weights=tuple((weight,) * 64 for weight, *_ in cases),
        biases=tuple(b for _, b, _, _ in cases),
        scales=tuple(scale for *_, scale, _ in cases),
        shifts=tuple(shift for *_, shift in cases),
    )
    pixels = np.array([[q.min] * 64, [q.max] * 64])
    check(bench, [projection] * 2, [pixels])


@pytest.mark.parametrize(("sample_width", "signed"), [(8, False), (8, True), (16, False)])
def test_what_is_too_large_is_clamped_however_far_it_is_shifted(sample_width, signed):
    # Powers of two, and one less, that end at any bit at and beyond the top of the range.
    bench = projector(4, 64, sample_width, signed, tables=64)
    bias, rng = bias_format(bench.dut.q, 64), np.random.default_rng(0)
    powers = [
        (b, s, shift)
        for shift in range(48)
        for top in range(sample_width - 2, 50)
        for s in rng.permutation(16)[:4].tolist()
        if 0 <= (b := top + shift - s) < bias.width - 1
    ]
    rng.shuffle(powers)
    for start in range(0, 640, 128):
        projections = [
            Projection(
                weights=((0,),) * 64,
                biases=tuple(
                    int(sign * (1 << b) - less) for (b, *_), sign, less in zip(*each, strict=True)
                ),
                scales=tuple(int(1 << s) for _, s, _ in each[0]),
                shifts=tuple(int(shift) for *_, shift in each[0]),
            )
            for at in (start, start + 64)
            for each in [(powers[at : at + 64], rng.choice([-1, 1], 64), rng.integers(0, 2, 64))]
        ]
        check(bench, projections, [np.array([[0]])] * 2)


@pytest.mark.parametrize("shift", [0, 1, 2, 8, 23, 46, 47])
def test_rounds_half_up_once(shift):
    # Sums on a half of 2**shift, and one next to it; the scale is a power of two.
    bench = projector(4, 8, 8, True)
    scale = 1 << min(shift, 15)
    rest = shift - min(shift, 15)
    half = 1 << rest >> 1
    bias = bias_format(bench.dut.q, 8)
    biases = [
        min(max(value, bias.min), bias.max)
        for step in (0, 1, 3, -1)
        for value in (step * 2 * half + half, step * 2 * half + half - 1)
    ]
    projection = Projection(((0, 1),) * 8, tuple(biases), (scale,) * 8, (shift,) * 8)
    check(bench, [projection] * 2, [np.array([[0, -1], [0, 0], [0, 1], [5, 2]])])


@pytest.mark.parametrize(("macs", "inputs", "outputs"), SHAPES)
def test_latency_and_the_cycles_of_a_pixel(macs, inputs, outputs):
    bench = projector(macs)
    run = check(bench, *random_case(bench, inputs, outputs, pixels=6))
    assert run.latency == latency.project(inputs)
    period = pixel_cycles(macs, inputs, outputs)
    np.testing.assert_array_equal(np.diff(run.received[::outputs]), period)
    if period == inputs:
        np.testing.assert_array_equal(np.diff(run.sent), 1)
    if period == outputs:
        np.testing.assert_array_equal(np.diff(run.received), 1)


def test_as_fast_as_its_samples_come():
    # A pixel in eight cycles takes half of the time: then the samples set the pace.
    bench = projector(8)
    case = random_case(bench, 4, 4, pixels=12)
    run = check(bench, *case, stall=(lambda cycle: cycle % 2, 0))
    np.testing.assert_array_equal(np.diff(run.sent), 2)
    np.testing.assert_array_equal(np.diff(run.received[::4]), 8)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(("macs", "inputs", "outputs"), [(4, 4, 4), (1, 1, 4), (16, 1, 8)])
def test_a_stall_costs_its_own_cycles_and_no_more(macs, inputs, outputs, side):
    bench = projector(macs)
    case = random_case(bench, inputs, outputs, pixels=36)
    flowing = check(bench, *case)
    for cycles in (1, 17, 120):
        stall = [0, 0]
        stall[side] = lambda cycle, cycles=cycles: 40 <= cycle < 40 + cycles
        run = check(bench, *case, stall=tuple(stall))
        assert run.received[-1] - flowing.received[-1] <= cycles


@pytest.mark.parametrize("spoil", [1, 3, 5, 14])
def test_a_reset_forgets_the_pixel_it_cuts(spoil):
    config = projector(2).dut.config
    bench = Bench(Projector(config, 2, config.sample, encoder_map(config)), resettable=True)
    check(bench, *random_case(bench, 3, 5), spoil=spoil)


@pytest.mark.parametrize("macs", [0, 65])
def test_rejects_a_number_of_multipliers(macs):
    config = projector(2).dut.config
    with pytest.raises(ValueError, match=rf"^macs must be 1 to 64, not {macs}$"):
        Projector(config, macs, config.sample, encoder_map(config))
