import time
from dataclasses import replace

import pytest

from tilefold_hw.config import PRESETS, CodecConfig, preset
from tilefold_hw.estimate import (
    LATENCIES,
    MODELS,
    RESOURCES,
    built,
    coefficients,
    errors,
    estimate,
    group_cycles,
    usual_layer,
)

STANDARD = preset("standard")


@pytest.mark.parametrize("block", MODELS)
@pytest.mark.parametrize("config", PRESETS.values(), ids=PRESETS)
def test_every_block_has_a_cost_and_a_latency(block, config):
    config = replace(config, project_macs=4, expand_macs=4)
    cost = estimate(block, config)
    assert cost.luts > 0
    assert cost.flip_flops > 0
    assert LATENCIES[block](config) > 0


def test_it_takes_milliseconds():
    start = time.perf_counter()
    for block in built(STANDARD):
        estimate(block, STANDARD)
    assert time.perf_counter() - start < 0.5


def test_what_is_made_of_others_costs_no_less():
    for resource in RESOURCES:
        parts = sum(getattr(estimate(part, STANDARD), resource) for part in ("encoder", "decoder"))
        # Each is rounded by itself.
        assert getattr(estimate("codec", STANDARD), resource) >= parts - 2


def test_wider_samples_and_larger_tiles_cost_more():
    costs = [
        estimate("dct", CodecConfig(sample_width=width, word_width=64)) for width in (6, 9, 16)
    ]
    assert costs[0].luts < costs[1].luts < costs[2].luts
    small, large = (estimate("dct", CodecConfig(tile=tile)) for tile in (4, 16))
    assert small.luts < large.luts
    assert small.dsps < large.dsps


def test_only_what_a_configuration_has_is_told():
    assert "project" not in built(STANDARD)
    assert "project" in built(replace(STANDARD, project_macs=1))


def test_every_estimate_tells_its_error():
    for block in MODELS:
        for resource in RESOURCES:
            assert 0 <= errors(block)[resource]["median"] <= errors(block)[resource]["max"]
        assert coefficients()["blocks"][block]["circuits"]["kept_out"] > 0


@pytest.mark.parametrize("block", MODELS)
def test_the_error_is_within_15_percent_at_the_median(block):
    assert errors(block)["luts"]["median"] <= 0.15


@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
def test_a_group_takes_a_cycle_for_the_samples_of_a_clock(lanes):
    config = CodecConfig(lanes=lanes, word_width=128, channels=16, tables=4)
    assert group_cycles(config) == 64 * 16 // lanes


def test_the_usual_layer_fits_every_preset():
    for config in PRESETS.values():
        assert usual_layer(config).channels == config.channels


def test_rejects_an_unknown_block():
    with pytest.raises(ValueError, match=rf"^block must be one of {', '.join(MODELS)}, not 'fft'$"):
        estimate("fft", STANDARD)
