"""Principal components with Huffman coding."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from networks import Branches, smooth

from tilefold.baselines.fitted import Fitted
from tilefold.calibrate.beside import Side, on_side
from tilefold.calibrate.distil import Training
from tilefold.calibrate.forward import forward
from tilefold.calibrate.pipeline import begin
from tilefold.calibrate.principal import principal
from tilefold.calibrate.principal_coding import fit, learnt, measure, store
from tilefold_hw.config import CodecConfig
from tilefold_hw.fixed import SQ


@pytest.fixture
def measured(begun):
    return measure(begun.network, begun.maps, begun.images)


def everything(measured):
    return {each.name: each.shape[0] for each in measured.whole.maps}


def test_bits_are_those_of_codes_fitted_to_each_component(measured, tests):
    images, labels = tests
    kept, whole = everything(measured), measured.whole
    taken = np.zeros(len(images))

    def restore(name, values):
        pair, of = principal(measured.statistics[name], kept[name]), whole.quantisers[name]
        mixed = torch.einsum("km,nmyx->nkyx", pair.compress, values)
        samples = of.samples(mixed + pair.compress_bias[:, None, None])
        for number in range(kept[name]):
            code = Fitted.of(whole.counts[name][number], SQ(8))
            taken[:] += code.bits(samples[:, [number]].numpy())
        back = torch.einsum("mk,nkyx->nmyx", pair.expand, of.values(samples))
        restored = back + pair.expand_bias[:, None, None]
        # A few are larger than any that the samples were made for.
        assert (restored - values).abs().median() <= of.scale / 2
        return restored

    with torch.no_grad():
        answers = forward(whole.network, whole.maps, images, restore)
    accuracy, summary = store(measured.keep(kept), images, labels)
    # Components are packed with no gap here, and to whole bytes there.
    gaps = 8 * sum(kept.values())
    assert 0 <= taken.mean() - summary.mean < gaps
    assert accuracy == pytest.approx(float((answers.argmax(1) == labels).float().mean()))


def test_less_energy_takes_fewer_components_and_bits(measured, tests):
    whole, most, some = (measured.by_energy(share) for share in (1.0, 0.99, 0.5))
    assert all(whole[name] >= most[name] >= some[name] >= 1 for name in whole)
    assert sum(whole.values()) > sum(some.values())
    assert store(measured.keep(some), *tests)[1].mean < store(measured.keep(whole), *tests)[1].mean


def test_greedily_a_budget_is_kept_on_the_training_images(measured):
    labels = torch.zeros(measured.images, dtype=torch.int64)
    for bits in (4.0, 3.0, 2.0):
        kept = measured.within(bits)
        found = store(measured.keep(kept), smooth(measured.images), labels)[1]
        # Whole bytes of each map are a little more, and maps behind rounded ones differ.
        assert found.mean <= 1.02 * bits * measured.whole.values


def test_a_budget_that_no_components_fit(measured):
    message = r"^bits must be at least [\d.]+ a value, with one component of each map, not 0.01$"
    with pytest.raises(ValueError, match=message):
        measured.within(0.01)


def test_maps_are_projected_before_their_nonlinearity_where_they_can_be():
    begun = begin(Branches(), smooth(4), CodecConfig())
    steps = {each.name: each.steps for each in begun.maps}
    found = {
        each.name: each.steps for each in measure(begun.network, begun.maps, smooth(4)).whole.maps
    }
    assert found["left"] == on_side(begun.network, "left", Side.BEFORE).steps == ("left",)
    assert found["first"] == steps["first"]  # it is pooled behind its ReLU


def test_what_is_learnt_restores_better_what_few_components_lose(measured, begun, tests):
    few = measured.keep(dict.fromkeys(everything(measured), 1))
    training = Training(60, 8, 3e-3)
    found = learnt(few, measured.statistics, begun.images, training, begun.images)
    again = learnt(few, measured.statistics, begun.images, training, begun.images)

    def error(coding):
        """Mean square by which answers are off."""

        def restore(name, values):
            pair, of = coding.pairs[name], coding.quantisers[name]
            mixed = torch.einsum("km,nmyx->nkyx", pair.compress, values)
            stored = of.values(of.samples(mixed + pair.compress_bias[:, None, None]))
            back = torch.einsum("mk,nkyx->nmyx", pair.expand, stored)
            return back + pair.expand_bias[:, None, None]

        answers = forward(coding.network, coding.maps, begun.images, restore)
        return float((answers - begun.network(begun.images)).square().mean())

    with torch.no_grad():
        assert error(found) < 0.97 * error(few)
        assert error(again) == error(found)
    # As many components, and about as many bits.
    assert [len(pair.compress) for pair in found.pairs.values()] == [1, 1]
    assert store(found, *tests)[1].mean < 1.1 * store(few, *tests)[1].mean


def test_codes_are_fitted_to_what_the_images_give(measured, begun):
    whole = measured.whole
    found = fit(whole.network, whole.maps, whole.pairs, begun.images)
    assert found.quantisers == whole.quantisers
    for each in whole.maps:
        channels, height, width = each.shape
        counts = found.counts[each.name]
        np.testing.assert_array_equal(counts, whole.counts[each.name])
        assert counts.shape == (channels, 256)
        assert (counts.sum(1) == len(begun.images) * height * width).all()
