"""Reports of bundles."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("jinja2")

from tilefold.calibrate.codec import through
from tilefold.calibrate.compare import Plan, compare
from tilefold.calibrate.evaluate import evaluate
from tilefold.calibrate.pipeline import calibrate
from tilefold.calibrate.reporting import report
from tilefold.calibrate.sites import find
from tilefold.report.page import render
from tilefold.report.plain import dump, parse
from tilefold.report.record import Report
from tilefold_hw.budget import packet_words
from tilefold_hw.layer import Clip
from tilefold_hw.table import Table


@pytest.fixture
def bundle(begun):
    return calibrate(begun, 3.0).bundle()


def evaluated(begun, bundle, tests):
    maps = find(begun.network)
    return evaluate(begun.network, maps, bundle.sites, bundle.config, *tests)


def made(begun, bundle, tests, **others):
    found = evaluated(begun, bundle, tests)
    return report("small", begun.network, bundle, found, tests[0], **others)


def test_it_tells_what_the_bundle_stores_and_loses(begun, bundle, tests):
    found = made(begun, bundle, tests, training=begun.images)
    evaluation = evaluated(begun, bundle, tests)
    assert [each.name for each in found.layers] == ["0", "2"]
    assert [(each.name, each.reason) for each in found.skipped] == [
        ("3", "a single pixel of 6 channels, with nothing beside it"),
        ("5", "no map of pixels in channels, but of shape 5"),
    ]
    for layer, site in zip(found.layers, bundle.sites, strict=True):
        assert layer.words == packet_words(bundle.config, site.layer)
        assert layer.shape == (site.layer.channels, site.height, site.width)
        assert layer.snr_db == evaluation.damage[site.name].decibels
        assert len(layer.baselines) == 5
        assert layer.settings.startswith(f"{len(site.layer.tables)} table")
    assert found.accuracy == evaluation.stored_accuracy
    assert found.configuration.name == "standard"
    assert found.configuration.digest == bundle.config.digest
    assert 2.5 < found.bits <= 3


def test_errors_are_in_units_of_a_sample(begun, bundle, tests):
    images, _ = tests
    (site, _) = bundle.sites
    with torch.no_grad():
        maps = torch.relu(begun.network.get_submodule("0")(images))
        error = through(site, bundle.config, maps) - maps
    expected = float(error.square().mean().sqrt()) / site.scale
    assert made(begun, bundle, tests).layers[0].rms_error == pytest.approx(expected, rel=1e-4)


def test_tables_are_shown_with_horizontal_frequencies_to_the_right(begun, bundle, tests):
    # Raster over (u, v): the first eight entries are of u = 0, no horizontal frequency.
    first = Table((4,) * 8 + (0,) * 56, (1,) * 8 + (0,) * 56)
    second = Table((8,) * 8 + (0,) * 56, (3,) * 8 + (0,) * 56)
    site = bundle.sites[0]
    layer = replace(site.layer, tables=(first, second), index=(0, 0, 0, 1), clip=Clip(0))
    changed = replace(bundle, sites=(replace(site, layer=layer), bundle.sites[1]))
    found = made(begun, changed, tests)
    assert found.heats[0].widths == ((5.0, *(0.0,) * 7),) * 8
    assert found.heats[0].shifts == ((1.5, *(0.0,) * 7),) * 8
    assert found.heats[0].channels == (0.5, 0.5, 0.5, 1.0)
    assert found.layers[0].settings == "2 tables, widths 4 to 8, shifts 1 to 3"
    assert found.layers[0].clip == "0 to highest"


def test_pictures_are_of_the_strongest_channel(begun, bundle, tests):
    found = made(begun, bundle, tests)
    assert [each.layer for each in found.pictures] == ["0", "2"]
    with torch.no_grad():
        maps = torch.relu(begun.network.get_submodule("0")(tests[0][:1]))
    picture = found.pictures[0]
    assert picture.channel == int(maps[0].flatten(1).var(1).argmax())
    channel = maps[0, picture.channel]
    low, high = channel.min(), channel.max()
    expected = (255 * (channel - low) / (high - low)).round().int().tolist()
    assert [list(row) for row in picture.before] == expected


def test_the_page_is_the_same_again_and_survives_json(begun, bundle, tests):
    comparison = compare(begun, *tests, Plan(("mask",), (2.0,), baselines=False), "small")
    first, second = (made(begun, bundle, tests, comparison=comparison) for _ in range(2))
    assert render(first) == render(second)
    assert parse(Report, dump(first)) == first
    assert [each.name for each in first.series] == ["mask"]


def test_a_comparison_of_something_else(begun, bundle, tests):
    comparison = compare(begun, *tests, Plan(("mask",), (2.0,), baselines=False), "other")
    message = "^comparison must be of small on configuration [0-9a-f]{12}, not of other on"
    with pytest.raises(ValueError, match=message):
        made(begun, bundle, tests, comparison=comparison)


def test_images_without_labels(begun, bundle, tests):
    with pytest.raises(ValueError, match=r"^test images must have labels, to tell accuracy$"):
        made(begun, bundle, (tests[0], None))
