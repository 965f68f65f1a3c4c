"""Lossless coders on a network's maps."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tilefold.calibrate.coded import coders, quantisers, seen, store
from tilefold.calibrate.forward import forward
from tilefold_hw.fixed import SQ, UQ


@pytest.fixture
def parts(begun):
    of = quantisers(begun.plain.values(), begun.config, 8)
    counts = seen(begun.network, begun.maps, {8: of}, begun.images)[8]
    return begun.network, begun.maps, of, coders(of, counts)


def samples_of(parts, images):
    """Samples of all maps, each of a network whose maps before are rounded, too."""
    network, maps, of, _ = parts
    found = {}

    def keep(name, values):
        found[name] = of[name].samples(values)
        return of[name].values(found[name])

    with torch.no_grad():
        answers = forward(network, maps, images, keep)
    return found, answers


def test_bits_are_those_of_what_is_encoded(parts, tests):
    images, _ = tests
    samples, _ = samples_of(parts, images)
    stored = store(*parts, images)
    for name, by in parts[3].items():
        assert len(by) == 5
        for coder in by:
            for number in (0, 7):
                encoded = coder.encode(samples[name][number].numpy())
                assert stored.bits[name][coder.name][number] == 8 * encoded.nbytes
        assert stored.zeros[name] == pytest.approx(float((samples[name] == 0).float().mean()))


def test_zero_is_the_sample_zero_in_maps_with_and_without_a_sign(parts):
    _, maps, of, _ = parts
    assert [of[each.name].q for each in maps] == [UQ(8), SQ(8)]
    assert {each.zero for each in of.values()} == {0}


@pytest.mark.parametrize("width", [3, 8, 12])
def test_samples_of_every_width_hold_the_same_range(begun, width):
    for name, of in quantisers(begun.plain.values(), begun.config, width).items():
        site = begun.plain[name]
        top = site.scale * (begun.config.sample.max - site.zero)
        assert of.q.width == width
        assert of.scale * of.q.max == pytest.approx(top)


def test_all_maps_together_are_summed_image_by_image(parts, tests):
    stored = store(*parts, tests[0])
    names = list(stored.bits)
    for coder, whole in stored.of_all().items():
        each = np.sum([stored.bits[name][coder] for name in names], axis=0)
        assert (whole.mean, whole.worst) == (each.mean(), each.max())
        assert whole.values == 4 * 16 * 16 + 6 * 8 * 8
        assert stored.of_map(names[0])[coder].worst == stored.bits[names[0]][coder].max()


def test_accuracy_is_that_of_rounded_maps(parts, tests):
    images, labels = tests
    _, answers = samples_of(parts, images)
    expected = float((answers.argmax(1) == labels).float().mean())
    assert store(*parts, images, labels).accuracy == pytest.approx(expected)
    assert store(*parts, images).accuracy is None


def test_without_training_images_no_code_is_fitted(parts, tests):
    network, maps, of, _ = parts
    names = [each.name for each in coders(of)[maps[0].name]]
    assert names == ["run-length", "sparsity map", "zero-value", "Huffman, adaptive"]
    assert "Huffman, fitted" not in store(network, maps, of, coders(of), tests[0]).of_all()


def test_every_sample_is_counted(begun):
    of = {width: quantisers(begun.plain.values(), begun.config, width) for width in (8, 3)}
    for width, counts in seen(begun.network, begun.maps, of, begun.images).items():
        for each in begun.maps:
            assert len(counts[each.name]) == 1 << width
            assert counts[each.name].sum() == each.values * len(begun.images)


def test_nothing_to_store(parts, tests):
    with pytest.raises(ValueError, match="images and maps must be at least one each, not none"):
        store(*parts, tests[0][:0])
