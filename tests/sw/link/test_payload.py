import numpy as np
import pytest

from tilefold.link.payload import (
    bytes_to_samples,
    bytes_to_words,
    restored_bytes,
    sample_bits,
    samples_to_bytes,
)
from tilefold.model.reorder import to_beats
from tilefold_hw.config import CodecConfig
from tilefold_hw.device import DeviceConfig
from tilefold_hw.layer import Layer
from tilefold_hw.table import uniform

CONFIGS = [
    CodecConfig(),
    CodecConfig(sample_width=8, sample_signed=True),
    CodecConfig(sample_width=4, tile=4),
    CodecConfig(sample_width=16, word_width=64),
    CodecConfig(sample_width=16, sample_signed=True, word_width=64),
    CodecConfig(lanes=4, word_width=128),
]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_samples_take_the_bytes_that_a_device_gives_them(config):
    """The least byte first, the sign up to the top: 17 bits, too, are three bytes."""
    into, out = DeviceConfig(config).sample_bytes
    rng = np.random.default_rng(0)
    shape = (3, config.pixels, 5)
    q = config.sample
    groups = rng.integers(q.min, q.max + 1, shape)
    groups.flat[:2] = q.min, q.max
    expected = b"".join(
        int(sample).to_bytes(into, "little", signed=q.signed)
        for sample in to_beats(config, groups).flat
    )
    assert samples_to_bytes(config, groups) == expected

    q = config.restored
    groups = rng.integers(q.min, q.max + 1, shape)
    groups.flat[:2] = q.min, q.max
    data = b"".join(
        int(sample).to_bytes(out, "little", signed=True) for sample in to_beats(config, groups).flat
    )
    np.testing.assert_array_equal(bytes_to_samples(config, data, 5), groups)
    layer = Layer(3, (uniform(config.tile, 1, 0),), (0,) * 5)
    assert restored_bytes(config, layer) == len(data)


def test_words_are_bytes_as_they_come():
    data = bytes(range(12))
    assert bytes_to_words(CodecConfig(), data).tolist() == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9, 10, 11],
    ]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_items_are_bits_close_together(config):
    q = config.restored
    beats = np.random.default_rng(0).integers(q.min, q.max + 1, (7, config.lanes))
    for row, beat in zip(sample_bits(config, beats), beats.tolist(), strict=True):
        value = sum((x % (1 << q.width)) << q.width * lane for lane, x in enumerate(beat))
        assert int.from_bytes(row.tobytes(), "little") == value
