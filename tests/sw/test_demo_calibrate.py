from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tilefold.demo import digits
from tilefold.demo.calibrate import Choice, calibrate, choose, project, quantise, restore
from tilefold.demo.network import accuracy, forward, load
from tilefold.maps import golden, plain, stored, through, to_samples, to_values
from tilefold_hw.budget import packet_words
from tilefold_hw.config import preset
from tilefold_hw.layer import Clip

CONFIG = preset("demo")


@pytest.fixture(scope="module")
def data():
    return digits.load()


@pytest.fixture(scope="module")
def trained():
    return load()


@pytest.fixture(scope="module")
def calibrated(data, trained):
    projected = project(trained, "conv3", data.train_images)
    images = data.train_images[:300]
    seen = []
    bundle = calibrate(projected, images, CONFIG, 4.0, lambda *step: seen.append(step))
    return bundle, projected, images, seen


def test_a_projection_on_all_components_changes_nothing(data, trained):
    images = data.test_images[:8]
    whole = project(trained, "conv3", data.train_images[:100], energy=1 - 1e-12)
    assert whole.convolutions[2].weight.shape[0] == 32
    np.testing.assert_allclose(forward(whole, images), forward(trained, images), atol=1e-4)


def test_a_projection_keeps_the_energy_asked_for_and_no_component_more(data, trained):
    images = data.train_images[:200]
    maps = {}
    forward(trained, images, lambda name, x: maps.setdefault(name, x))
    pixels = maps["conv3"].transpose(0, 2, 3, 1).reshape(-1, 32).astype(np.float64)
    singular = np.linalg.svd(pixels, compute_uv=False) ** 2
    shares = np.cumsum(singular) / singular.sum()
    for energy in (0.5, 0.9, 0.99):
        count = project(trained, "conv3", images, energy).convolutions[2].weight.shape[0]
        assert shares[count - 1] >= energy > shares[count - 2]


def test_refuses_to_project_behind_a_relu(data, trained):
    with pytest.raises(
        ValueError, match=r"^conv2 must be linear to be projected, not followed by a ReLU$"
    ):
        project(trained, "conv2", data.train_images[:4])


def test_samples_come_back_within_half_a_step(data, trained):
    images = data.train_images[:50]
    bundle, _ = quantise(trained, images, CONFIG)
    maps = {}
    forward(trained, images, lambda name, x: maps.setdefault(name, x))
    for site in bundle.sites:
        samples = to_samples(maps[site.name], site, CONFIG)
        assert samples.min() >= 0
        assert samples.max() <= 255
        error = np.abs(to_values(samples, site) - maps[site.name])
        assert error.max() <= site.scale * 0.5001


def test_values_past_the_range_are_clamped(data, trained):
    site = quantise(trained, data.train_images[:50], CONFIG)[0].sites[0]
    beyond = np.array([-1.0, 300 * site.scale], dtype=np.float32)
    np.testing.assert_array_equal(to_samples(beyond, site, CONFIG), [0, 255])


def test_the_rate_is_at_most_what_was_asked_for(calibrated):
    bundle, *_ = calibrated
    words = sum(packet_words(CONFIG, site.layer) for site in bundle.sites)
    assert words * CONFIG.word_width / sum(site.values for site in bundle.sites) <= 4.0


def test_nothing_saturates_on_the_images_of_the_calibration(calibrated):
    bundle, _, images, _ = calibrated
    saturated = Counter()
    network = restore(bundle, load())
    # The first map alone: what comes behind it has changed by its loss.
    first = bundle.sites[0]
    through(first, CONFIG, golden(CONFIG, saturated), _first_map(network, images))
    assert saturated == {first.name: 0}


def _first_map(network, images):
    maps = {}
    forward(network, images, lambda name, x: maps.setdefault(name, x))
    return maps["conv1"]


def test_a_narrower_table_saturates(calibrated):
    bundle, _, images, _ = calibrated
    site = bundle.sites[0]
    narrow = tuple(
        replace(table, widths=tuple(max(0, width - 1) for width in table.widths))
        for table in site.layer.tables
    )
    saturated = Counter()
    worse = replace(site, layer=replace(site.layer, tables=narrow))
    maps = _first_map(restore(bundle, load()), images)
    through(worse, CONFIG, golden(CONFIG, saturated), maps)
    assert saturated[site.name] > 0


def test_the_bundle_carries_the_folded_network(calibrated, data):
    bundle, projected, *_ = calibrated
    images = data.test_images[:4]
    np.testing.assert_array_equal(
        forward(restore(bundle, load()), images), forward(projected, images)
    )


def test_accuracy_stays_within_half_a_point_of_plain_maps(calibrated, data, trained):
    bundle, *_ = calibrated
    quantised, _ = quantise(trained, data.train_images, CONFIG)
    reference = forward(trained, data.test_images, stored(quantised, plain))
    network = restore(bundle, trained)
    compressed = forward(network, data.test_images, stored(bundle, golden(CONFIG)))
    before = accuracy(reference, data.test_labels)
    assert accuracy(compressed, data.test_labels) >= before - 0.005


def test_progress_runs_from_nothing_to_all(calibrated):
    *_, seen = calibrated
    counts = [done for _, done, _ in seen]
    assert counts == list(range(seen[-1][2] + 1))


def test_refuses_a_rate_that_no_step_reaches(data, trained):
    with pytest.raises(
        ValueError,
        match=r"^the rate must allow at least \d+ words for the maps of an image, not 4$",
    ):
        calibrate(trained, data.train_images[:4], CONFIG, 0.004)


def choice(words, error):
    return Choice(None, words, error)


def test_the_cheapest_error_a_word_goes_first():
    first = [choice(100, 0.0), choice(50, 1.0)]
    second = [choice(100, 0.0), choice(50, 2.0)]
    assert choose([first, second], 200) == [first[0], second[0]]
    assert choose([first, second], 150) == [first[1], second[0]]
    assert choose([first, second], 100) == [first[1], second[1]]


def test_a_step_that_costs_much_and_leads_to_a_cheap_one_is_jumped():
    steps = [choice(100, 0.0), choice(99, 5.0), choice(10, 5.5)]
    other = [choice(100, 0.0), choice(50, 4.0)]
    assert choose([steps, other], 199) == [steps[2], other[0]]


def test_a_relus_zero_is_restored_only_where_it_helps(calibrated):
    bundle, *_ = calibrated
    for site in bundle.sites:
        assert site.layer.clip in ((Clip(), Clip(0)) if site.name != "conv3" else (Clip(),))
