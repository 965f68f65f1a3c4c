from dataclasses import replace

import numpy as np
import pytest

from tilefold_hw.config import preset
from tilefold_hw.regs import REFUSED
from tilefold_sim.cases import make_case, random_case, random_groups, random_layer
from tilefold_sim.compiled import CompiledCodec, CompiledDecoder, CompiledEncoder

SMALL = replace(preset("tiny"), tile=4, channels=4, tables=2, memory_words=16)


@pytest.fixture(scope="module")
def encoders():
    return CompiledEncoder(SMALL)


@pytest.fixture
def encoder(encoders):
    encoders.reset()
    return encoders


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_words_and_groups_have_the_shapes_of_the_model(encoder, rng):
    case = random_case(SMALL, rng)
    encoder.load(case.layer)
    got = encoder.encode(case.groups)
    assert got.words.dtype == case.words.dtype
    assert got.words.shape == case.words.shape
    decoder = CompiledDecoder(SMALL)
    decoder.load(case.layer)
    back = decoder.decode(case.words)
    assert back.groups.dtype == case.restored.dtype
    assert back.groups.shape == case.restored.shape
    codec = CompiledCodec(SMALL)
    codec.load(case.layer)
    trip = codec.roundtrip(case.groups)
    np.testing.assert_array_equal(trip.words, case.words)
    np.testing.assert_array_equal(trip.last, case.last)
    np.testing.assert_array_equal(trip.groups, case.restored)


def test_counters_add_up_until_they_are_cleared(encoder, rng):
    case = random_case(SMALL, rng)
    encoder.load(case.layer)
    for times in (1, 2):
        encoder.encode(case.groups)
        assert encoder.registers.counters()["tiles"] == times * case.tiles
    encoder.registers.clear()
    assert set(encoder.registers.counters().values()) == {0}


def test_clearing_clears_errors(encoder, rng):
    encoder.load(random_layer(SMALL, rng))
    encoder.registers.write("groups", 7)
    assert encoder.registers.errors() == REFUSED
    encoder.registers.clear()
    assert encoder.registers.errors() == 0


def test_rejects_data_before_a_layer(encoder, rng):
    groups = random_groups(SMALL, random_layer(SMALL, rng), rng)
    with pytest.raises(RuntimeError, match=r"^a layer must be loaded before data is sent$"):
        encoder.encode(groups)


def test_rejects_a_layer_while_one_waits_for_its_packet(encoder, rng):
    layer = random_layer(SMALL, rng)
    encoder.load(layer)
    with pytest.raises(
        RuntimeError,
        match=r"^a layer must have had a whole packet before the next one is loaded$",
    ):
        encoder.load(layer)


def test_rejects_parts_of_packets_and_other_shapes(encoder, rng):
    layer = random_layer(SMALL, rng, groups=2, channels=3)
    encoder.load(layer)
    for shape in ((3, 16, 3), (0, 16, 3), (2, 16, 4), (2, 64, 3), (2, 48)):
        with pytest.raises(ValueError) as raised:
            encoder.encode(np.zeros(shape, dtype=np.int32))
        assert str(raised.value) == (
            f"tile groups of this layer must have shape (G, 16, 3), G a multiple of 2, not {shape}"
        )


def test_rejects_samples_that_do_not_fit(encoder, rng):
    layer = random_layer(SMALL, rng, groups=1, channels=1)
    encoder.load(layer)
    with pytest.raises(ValueError, match=r"^samples must be 0 to 255, not 256 at \(0, 3, 0\)$"):
        encoder.encode(np.array([0, 0, 0, 256] * 4).reshape(1, 16, 1))


def test_cases_fill_the_room_that_a_configuration_has(rng):
    cases = [random_case(SMALL, rng, packets=1) for _ in range(60)]
    assert {case.layer.channels for case in cases} == {1, 2, 3, 4}
    assert {len(case.layer.tables) for case in cases} == {1, 2}
    assert (
        max(max(table.widths) for case in cases for table in case.layer.tables) == SMALL.field.width
    )
    assert min(case.groups.min() for case in cases) == 0
    assert max(case.groups.max() for case in cases) == 255
    assert sum(case.saturated for case in cases) > 0
    assert sum(case.clipped for case in cases) > 0


def test_cases_are_made_of_whole_packets(rng):
    layer = random_layer(SMALL, rng, groups=2)
    groups = random_groups(SMALL, layer, rng, 3)
    whole = make_case(SMALL, layer, groups)
    parts = [make_case(SMALL, layer, groups[at : at + 2]) for at in (0, 2, 4)]
    assert whole.packets == 3
    for name in ("words", "last", "restored"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(getattr(whole, name), joined)
    for name in ("tiles", "saturated", "clipped"):
        assert getattr(whole, name) == sum(getattr(part, name) for part in parts)
    assert np.count_nonzero(whole.last) == 3
