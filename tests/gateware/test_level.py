from functools import cache

import numpy as np
import pytest
from helpers.bench import STALLS, Bench
from helpers.stimuli import framing

from tilefold.model.level import centre, clip
from tilefold_gateware.level import Centre, Clipper
from tilefold_hw import latency
from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Clip

CLIPS = [Clip(), Clip(0), Clip(0, 5), Clip(3, 3), Clip(-7, -2), Clip(-8, 7)]


@cache
def box(kind, sample_width, signed, multiplier_width=18):
    config = CodecConfig(
        sample_width=sample_width,
        sample_signed=signed,
        word_width=64,
        multiplier_width=multiplier_width,
    )
    return Bench(kind(config))


def check_clip(bench, values, limits, **how):
    config = bench.dut.config
    low, high = limits.limits(config.restored)
    items = {"data": values, **framing(len(values), 7)}
    run = bench.run(items, inputs={"low": low, "high": high}, watch=["clipped"], **how)
    expected = clip(values, config, limits)
    np.testing.assert_array_equal(run.data, expected)
    np.testing.assert_array_equal(run["last"], items["last"])
    np.testing.assert_array_equal(run["bank"], items["bank"])
    level = values + (0 if config.sample_signed else 1 << config.sample_width - 1)
    assert len(run.events["clipped"]) == np.count_nonzero(expected != level)
    return run


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("sample_width", [4, 8, 16])
def test_centre_matches_the_model(sample_width, signed):
    bench = box(Centre, sample_width, signed)
    q = bench.dut.config.sample
    samples = np.unique(np.linspace(q.min, q.max, 300).astype(int))
    run = bench.run({"data": samples, **framing(len(samples), 9)}, stall=STALLS["both"])
    np.testing.assert_array_equal(run.data, centre(samples, bench.dut.config))
    assert run["last"].sum() == len(samples) // 9


def test_centre_has_no_latency():
    run = box(Centre, 8, False).run({"data": np.arange(20)})
    assert run.sent == run.received


@pytest.mark.parametrize("limits", CLIPS, ids=str)
@pytest.mark.parametrize("signed", [False, True])
def test_clipper_matches_the_model_for_every_small_sample(signed, limits):
    bench = box(Clipper, 4, signed)
    q = bench.dut.config.transform.inverse_rows.o
    check_clip(bench, np.arange(q.min, q.max + 1), limits)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("sample_width", [8, 9, 12, 16])
def test_clipper_matches_the_model_for_samples_of_any_width(sample_width, signed):
    bench = box(Clipper, sample_width, signed)
    config = bench.dut.config
    inside, outside = config.restored, config.transform.inverse_rows.o
    values = np.concatenate(
        [end + np.arange(-2, 3) for q in (inside, config.sample) for end in (q.min, q.max, 0)]
    )
    values = np.clip(np.concatenate([values, values - (1 << sample_width - 1)]), *_range(outside))
    values = np.append(values, _range(outside))
    for limits in (Clip(), Clip(0), Clip(0, inside.max // 3)):
        check_clip(bench, values, limits)


def _range(q):
    return q.min, q.max


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
def test_clipper_loses_nothing_in_a_stall(stall):
    bench = box(Clipper, 8, False)
    values = np.random.default_rng(0).integers(-1000, 1000, 60)
    check_clip(bench, values, Clip(0, 200), stall=stall)


def test_clipper_latency_and_rate():
    run = check_clip(box(Clipper, 8, False), np.arange(40), Clip())
    assert run.latency == latency.CLIP
    np.testing.assert_array_equal(np.diff(run.sent), 1)
    np.testing.assert_array_equal(np.diff(run.received), 1)


@pytest.mark.parametrize("sample", [-100, 100])
def test_a_sample_is_clipped_to_the_range_it_came_with(sample):
    async def change(ctx, _):
        for cycle in range(30):
            ctx.set(bench.dut.low, cycle)
            ctx.set(bench.dut.high, cycle)
            await ctx.tick()

    bench = box(Clipper, 8, True)
    run = bench.run([sample] * 20, beside=change)
    np.testing.assert_array_equal(run.data, run.sent)
