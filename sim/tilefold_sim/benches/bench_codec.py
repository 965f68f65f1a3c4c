"""Bench of the codec: what it stores and what it gives back are the model's."""

import numpy as np
from numpy.testing import assert_array_equal

from tilefold_gateware.codec import Codec
from tilefold_hw import regs
from tilefold_hw.budget import packet_cycles, packet_words

from ..cases import Case, make_case, random_case, random_groups, random_layer
from ..rig import CodecRig, Roundtrip, beats
from .common import AFTER, STALLS, layer_of_words, refuses_data_without_a_layer

COMPONENT, RIG = Codec, CodecRig


def packets_equal_the_model(codec: CodecRig, rng: np.random.Generator) -> None:
    """Layer after layer, a few packets each, both sides pausing at random."""
    for seed, (stall_i, stall_o) in enumerate(STALLS):
        case = random_case(codec.config, rng)
        codec.load(case.layer)
        codec.encoder.clear()
        codec.decoder.clear()
        got = codec.roundtrip(case.groups, stall_i=stall_i, stall_o=stall_o, seed=seed, idle=AFTER)
        _compare(codec, got, case)
        stored, restored = codec.encoder.counters(), codec.decoder.counters()
        assert stored["tiles"] == restored["tiles"] == case.tiles
        assert stored["words"] == restored["words"] == len(case.words)
        assert stored["saturated"] == case.saturated
        assert restored["clipped"] == case.clipped
        assert restored["stalls"] == got.run.received.waits


def a_full_memory_holds_the_encoder_back(codec: CodecRig, rng: np.random.Generator) -> None:
    """An output that is taken slowly loses nothing, however much more there is than memory."""
    config = codec.config
    layer = layer_of_words(config, rng, 4)
    packets = 1 + 2 * config.memory_words // packet_words(config, layer)
    case = make_case(config, layer, random_groups(config, layer, rng, packets))
    codec.load(case.layer)
    _compare(codec, codec.roundtrip(case.groups, stall_o=0.9, idle=AFTER), case)


def a_sample_goes_through_every_cycle(codec: CodecRig, rng: np.random.Generator) -> None:
    """Without stalls, samples are taken and given in the same cycles, without a bubble."""
    config = codec.config
    for _ in range(3):
        layer = random_layer(config, rng)
        codec.load(layer)
        # The first run begins a few cycles late: it finds the layer just committed.
        _, short, long = (
            codec.roundtrip(random_groups(config, layer, rng, packets)).run for packets in (1, 2, 5)
        )
        assert long.cycles - short.cycles == 3 * packet_cycles(config, layer)
        if not config.project_macs:
            assert long.sent.gap == 1


def a_reset_in_mid_tile_forgets_everything(codec: CodecRig, rng: np.random.Generator) -> None:
    """Nothing of the packet comes, nothing is taken without a layer, and then all is sound."""
    case = random_case(codec.config, rng)
    for part in (7, 2):
        codec.load(case.layer)
        samples = beats(codec.config, case.groups)
        codec.simulation.run(samples[: len(samples) // part - 5], 0, stall=0.2)
        codec.reset()
        assert codec.encoder.read("status") == codec.decoder.read("status") == 0
        refuses_data_without_a_layer(codec, samples[:1])
        codec.load(case.layer)
        _compare(codec, codec.roundtrip(case.groups, idle=AFTER), case)


def _compare(codec: CodecRig, got: Roundtrip, case: Case) -> None:
    assert_array_equal(got.words, case.words)
    assert_array_equal(got.last, case.last)
    assert_array_equal(got.groups, case.restored)
    for side in (codec.encoder, codec.decoder):
        assert side.read("status") == regs.CONFIGURED
        assert side.errors() == 0
