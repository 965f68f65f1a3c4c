"""Methods: what they choose, against what the golden model and PyTorch say of it."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from networks import Branches, MobileNet

from tilefold.calibrate import clip
from tilefold.calibrate.allocate import allocate
from tilefold.calibrate.attenuate import attenuate
from tilefold.calibrate.clip import RULES, at_zero, clipped, unclipped
from tilefold.calibrate.codec import coefficients, through, to_samples
from tilefold.calibrate.dct import dct
from tilefold.calibrate.distortion import distortion
from tilefold.calibrate.evaluate import evaluate
from tilefold.calibrate.forward import forward
from tilefold.calibrate.histogram import histograms
from tilefold.calibrate.mask import direct, energy, keep_best, topk
from tilefold.calibrate.methods import METHODS, method
from tilefold.calibrate.progress import quietly
from tilefold.calibrate.sites import choose, find
from tilefold.calibrate.study import study
from tilefold.calibrate.trace import trace
from tilefold.model.quantise import dequantise, quantise
from tilefold_hw.budget import bits_per_value, packet_words
from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Clip
from tilefold_hw.table import triangle

WIDE = CodecConfig(sample_width=16, word_width=64)


def some_study(network, config=CodecConfig(), count=8, **kwargs):  # noqa: B008
    """Study of images that are smooth, as images are."""
    rng = torch.Generator().manual_seed(1)
    coarse = torch.randn(count, 3, 8, 8, generator=rng)
    images = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")
    traced = trace(network, images[:2])
    return study(traced, choose(find(traced)), images, config, **kwargs)


@pytest.fixture
def branches():
    return some_study(Branches())


def stored_maps(made):
    """The maps of a study's images."""
    maps = {}
    with torch.no_grad():
        forward(made.network, made.maps, made.images, lambda name, x: maps.setdefault(name, x))
    return maps


def words(made, sites):
    return sum(packet_words(made.config, site.layer) for site in sites)


# A study


def test_a_study_holds_every_value_that_was_seen(branches):
    maps = stored_maps(branches)
    assert maps.keys() == branches.plain.keys()
    for name, site in branches.plain.items():
        samples = to_samples(maps[name], site, branches.config)
        assert (samples - site.zero - maps[name] / site.scale).abs().max() <= 0.5 + 1e-3


def test_maps_with_more_channels_than_the_hardware_are_skipped():
    made = some_study(Branches(), CodecConfig(channels=6, tables=4))
    assert made.skipped == {
        "first": "it has 8 channels, and the hardware room for 6: build with channels = 8"
    }
    assert "first" not in made.plain


def test_maps_that_sevens_cover_better_have_them():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 4, 1, 0), torch.nn.Conv2d(2, 2, 3, 2))
    made = some_study(network, CodecConfig(sevens=True))
    assert {site.height: site.layer.tile for site in made.plain.values()} == {29: 8, 14: 7}


def test_a_study_without_images():
    made = some_study(Branches())
    with pytest.raises(ValueError, match="images must be at least one, not none"):
        study(made.network, made.maps, made.images[:0], made.config)


# Measurements


@pytest.mark.parametrize("config", [CodecConfig(), WIDE])
def test_distortion_is_what_the_golden_model_loses(config):
    made = some_study(Branches(), config)
    maps = stored_maps(made)
    for name, found in histograms(made).items():
        of = coefficients(to_samples(maps[name], made.plain[name], config), config)
        of = of.flatten(0, 1).numpy().astype(np.int64)  # [tiles, C, K]
        assert found.counts.sum(axis=2).tolist() == [[len(of)] * 64] * of.shape[1]
        errors = distortion(found, config)
        rng = np.random.default_rng(0)
        for _ in range(20):
            width = int(rng.integers(0, config.field.width + 1))
            shift = int(rng.integers(0, config.shift_max + 1))
            fields, _ = quantise(of, np.array(width), np.array(shift))
            rounded, _ = quantise(of, np.array(24), np.array(shift))
            lost = (dequantise(fields, np.array(shift), config) - of) ** 2
            expected = lost.mean(axis=0)
            saturated = (fields != rounded).any(axis=0)
            expected[:, 0] = np.where(saturated[:, 0] | (width == 0), np.inf, expected[:, 0])
            # Coefficients of 16-bit samples share bins of 256.
            close = 1e-9 if found.step == 1 else 0.05
            largest = 0 if found.step == 1 else found.step**2 + found.step * np.abs(of).max()
            np.testing.assert_allclose(
                errors[:, :, width, shift], expected, rtol=close, atol=largest
            )


def test_fisher_is_the_mean_square_of_the_gradients_of_coefficients(branches):
    """By one backward pass an image and draw, with PyTorch's own gradient of a coefficient."""
    found = branches.weights
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        answers = branches.network(branches.images).flatten(1).log_softmax(1)
    drawn = torch.multinomial(answers.exp(), 1, generator=generator)[:, 0]
    name = "left"
    channels = branches.plain[name].layer.channels
    total = 0
    for image, answer in zip(branches.images, drawn, strict=True):
        offsets = torch.zeros(1, 4, channels, 64, requires_grad=True)

        def shift(called, x, offsets=offsets):
            tiles = attenuate_offsets(offsets) * branches.plain[name].scale
            return x + tiles if called == name else x

        answers = forward(branches.network, branches.maps, image[None], shift).flatten(1)
        (gradient,) = torch.autograd.grad(answers.log_softmax(1)[0, answer], offsets)
        total = total + gradient.double().square().sum((0, 1))
    np.testing.assert_allclose(found[name], (total / len(drawn)).numpy(), rtol=1e-3, atol=1e-12)


def attenuate_offsets(offsets):
    """Map of 16 × 16 pixels with these coefficients: float32[1, 4, C, 64] to [1, C, 16, 16]."""
    from scipy.fft import dctn

    matrix = torch.tensor(
        np.stack([dctn(unit.reshape(8, 8), norm="ortho").T.ravel() for unit in np.eye(64)]),
        dtype=torch.float32,
    )  # [pixel, coefficient]: orthonormal, so its transpose is the inverse
    tiles = (offsets @ matrix.T).reshape(1, 2, 2, -1, 8, 8)
    return tiles.permute(0, 3, 1, 4, 2, 5).reshape(1, -1, 16, 16)


def test_attenuation_scales_coefficients():
    maps = torch.randn(2, 3, 11, 8)
    ones = torch.ones(64)
    torch.testing.assert_close(attenuate(maps, ones, 8), maps)
    half = torch.ones(64)
    half[9] = 0.5
    whole = torch.nn.functional.pad(maps, (0, 0, 0, 5), mode="replicate")
    torch.testing.assert_close(dct(attenuate(whole, half, 8), 8), dct(whole, 8) * half)


# Allocation


@pytest.mark.parametrize("tables", [64, 3])
@pytest.mark.parametrize("bits", [0.6, 1.5, 3.0])
def test_allocation_spends_the_budget_and_no_more(tables, bits):
    made = some_study(Branches(), CodecConfig(channels=64, tables=tables))
    sites = allocate(made)(bits)
    assert 0.97 * made.room(bits) <= words(made, sites) <= made.room(bits)
    for site in sites:
        site.check(made.config)
        assert len(site.layer.tables) <= tables


def test_nothing_at_hand_beats_the_allocation(branches):
    """Moving a bit from any coefficient to any other makes the weighted error no less."""
    sites = allocate(branches)(2.0)
    curves = []
    for name, found in histograms(branches).items():
        site = next(each for each in sites if each.name == name)
        errors = distortion(found, branches.on(name))
        costs = (branches.weights[name][..., None, None] * errors).min(axis=3) / site.layer.groups
        chosen = np.array([site.layer.tables[each].widths for each in site.layer.index])
        curves.append((costs.reshape(-1, costs.shape[2]), chosen.ravel()))
    costs, chosen = (np.concatenate(each) for each in zip(*curves, strict=True))
    rows = np.arange(len(chosen))
    more = costs[rows, chosen] - costs[rows, np.minimum(chosen + 1, costs.shape[1] - 1)]
    fewer = costs[rows, np.maximum(chosen - 1, 0)] - costs[rows, chosen]
    least = fewer[chosen > 0].min()
    # Only where a curve is not convex could one more bit be worth more than the price.
    assert np.sort(more)[::-1][: len(more) // 100].min() <= least


def test_a_dc_never_saturates_on_the_images_that_were_seen(branches):
    maps = stored_maps(branches)
    for site in allocate(branches)(0.5):
        of = coefficients(to_samples(maps[site.name], site, branches.config), branches.config)
        for channel, number in enumerate(site.layer.index):
            table = site.layer.tables[number]
            dc = of[:, :, channel, 0].numpy().astype(int)
            assert table.widths[0] >= 1
            _, saturated = quantise(dc, np.array(table.widths[0]), np.array(table.shifts[0]))
            assert saturated == 0


def test_sharing_costs_little(branches):
    """Three tables for eight channels make a larger error than eight, but not by far."""

    def noise(sites):
        maps = stored_maps(branches)
        with torch.no_grad():
            return sum(
                float(
                    (through(site, branches.config, maps[site.name]) - maps[site.name])
                    .square()
                    .sum()
                )
                for site in sites
            )

    few = replace(branches, config=replace(branches.config, tables=3))
    own, shared, one = (
        noise(allocate(made)(2.0))
        for made in (branches, few, replace(branches, config=replace(branches.config, tables=1)))
    )
    assert own < shared < one


def test_a_budget_that_nothing_fits(branches):
    for name in METHODS:
        with pytest.raises(ValueError, match=r"bits must be at least .* a value, .* not 0.001"):
            method(name)(branches, quietly)(0.001)


# Masks


def kept(site):
    (table,) = site.layer.tables
    return [place for place, width in enumerate(table.widths) if width]


def test_the_direct_mask_is_the_triangle(branches):
    for site in direct(branches)(11 * 10 / 64 + 0.1):
        assert site.layer.tables[0].widths == tuple(
            11 if (u, v) in triangle(8, 10) else 0 for u in range(8) for v in range(8)
        )
        assert set(site.layer.tables[0].shifts) == {0}


def test_masks_of_wide_samples_drop_low_bits_so_that_nothing_saturates():
    made = some_study(Branches(), WIDE)
    for site in direct(made)(9.0):
        table = site.layer.tables[0]
        assert set(table.widths) == {0, 16}
        assert {
            shift for shift, width in zip(table.shifts, table.widths, strict=True) if width
        } == {3}


def test_energy_keeps_what_has_most_of_it(branches):
    maps = stored_maps(branches)
    shares = []
    for site in energy(branches)(2.0):
        of = dct(maps[site.name], 8).square().sum((0, 1, 2)).double()
        places = kept(site)
        dropped = [place for place in range(64) if place not in places]
        assert of[places[1:]].min() >= of[dropped].max()
        last = of[places].min() if len(places) > 1 else of[places].sum()
        shares.append(
            (float(of[places].sum() / of.sum()), float((of[places].sum() - last) / of.sum()))
        )
    # One share for all: each map holds it, and would not without the least that it keeps.
    assert max(before for _, before in shares) <= min(held for held, _ in shares) + 1e-6


def test_topk_keeps_the_same_share_of_every_map(branches):
    maps = stored_maps(branches)
    for site in topk(branches)(11 * 12 / 64 + 0.1):
        assert len(kept(site)) == 12
        largest = dct(maps[site.name], 8).abs().topk(12).indices.flatten()
        counts = torch.bincount(largest, minlength=64)
        dropped = [place for place in range(64) if place not in kept(site)]
        assert counts[kept(site)[1:]].min() >= counts[dropped].max()


@pytest.mark.parametrize("name", ["fisher", "learned-mask"])
def test_trained_masks_drop_what_the_network_does_not_see(name):
    """What is read through means of the columns of a tile has no vertical frequencies."""
    reader = torch.nn.Conv2d(2, 4, (8, 1), (8, 1))
    with torch.no_grad():
        reader.weight.copy_(reader.weight[:, :, :1])
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 2, 3, padding=1), reader, torch.nn.Flatten(), torch.nn.Linear(512, 5)
    )
    made = some_study(network, count=64)
    made = replace(made, maps=made.maps[:1], plain={"0": made.plain["0"]})
    (site,) = method(name)(made, quietly)(11 * 8 / 64 + 0.01)
    assert kept(site) == [8 * u for u in range(8)]


def test_fields_of_a_mask_may_be_narrower(branches):
    scores = {name: np.arange(64.0) for name in branches.plain}
    site = keep_best(branches, scores, 2.0, field=6)[0]
    table = site.layer.tables[0]
    assert {(w, s) for w, s in zip(table.widths, table.shifts, strict=True) if w} == {(6, 5)}
    with pytest.raises(ValueError, match="field must be 1 to 11 bits wide, not 12"):
        keep_best(branches, scores, 2.0, field=12)


def test_every_method_is_reproducible():
    made = some_study(MobileNet(), count=6)
    for name, each in METHODS.items():
        assert each(made, quietly)(3.0) == each(made, quietly)(3.0), name


def test_an_unknown_method():
    with pytest.raises(ValueError, match=r"method must be one of allocate, mask, .*, not 'magic'"):
        method("magic")


# Clips


def divergence(study, sites):
    """Nats an image by which answers diverge from those in floats."""
    return evaluate(study.network, study.maps, sites, study.config, study.images).divergence


@pytest.mark.parametrize("bits", [3.0, 1.0])
def test_clips_are_chosen_by_what_becomes_of_the_answers(branches, bits):
    sites = allocate(branches)(bits)
    ways = {
        name: divergence(branches, rule(branches, sites, quietly)) for name, rule in RULES.items()
    }
    assert ways["none"] != ways["zero"]
    assert ways["measured"] <= min(ways["none"], ways["zero"])


def test_a_map_whose_clip_is_better_keeps_it(branches, monkeypatch):
    """Of maps that were all clipped, or none of them, one at a time may be the other way."""
    sites = allocate(branches)(1.0)
    monkeypatch.setattr(clip, "_SURE", -1e9)  # whatever is found, each is turned
    turned = clipped(branches, sites)
    better = min(
        (rule(branches, sites) for rule in (unclipped, at_zero)),
        key=lambda way: divergence(branches, way),
    )
    for new, old in zip(turned, better, strict=True):
        # One that has a sign is clipped in no way.
        assert (new.layer.clip != old.layer.clip) == (new.zero == 0)
    monkeypatch.setattr(clip, "_SURE", 1e9)  # none is
    assert clipped(branches, sites) == better


def test_maps_with_a_sign_are_not_clipped_at_zero():
    made = some_study(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.Conv2d(2, 2, 1)))
    for site in clipped(made, allocate(made)(1.0)):
        assert site.zero == 128
        assert site.layer.clip == Clip()


def test_rates_are_told_with_padding_over_the_values_that_the_map_holds():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 13), torch.nn.Conv2d(2, 2, 3))
    made = some_study(network)
    site = allocate(made)(2.0)[0]
    assert (site.height, site.layer.groups) == (20, 9)
    own = packet_words(made.config, site.layer) * 32 / (2 * 20 * 20)
    assert bits_per_value(made.config, site.layer, site.values) == own
