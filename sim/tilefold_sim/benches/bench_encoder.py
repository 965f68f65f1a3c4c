"""Bench of the encoder: its words are the model's, whatever the stalls, layers and resets."""

from dataclasses import replace

import numpy as np
from numpy.testing import assert_array_equal

from tilefold_gateware.encoder import Encoder
from tilefold_hw import regs
from tilefold_hw.budget import packet_cycles, packet_samples
from tilefold_hw.writes import encoder_writes

from ..cases import Case, random_case, random_groups, random_layer
from ..rig import EncoderRig, beats
from ..simulation import Access, Run
from .common import AFTER, STALLS, refuses_data_without_a_layer

COMPONENT, RIG = Encoder, EncoderRig


def packets_equal_the_model(encoder: EncoderRig, rng: np.random.Generator) -> None:
    """Layer after layer, a few packets each, both sides pausing at random."""
    for seed, (stall_i, stall_o) in enumerate(STALLS):
        case = random_case(encoder.config, rng)
        encoder.load(case.layer)
        encoder.registers.clear()
        got = encoder.encode(case.groups, stall_i=stall_i, stall_o=stall_o, seed=seed, idle=AFTER)
        _compare(encoder, [got.run], case)
        assert encoder.registers.counters() == {
            "tiles": case.tiles,
            "words": len(case.words),
            "stalls": got.run.received.waits,
            "saturated": case.saturated,
        }


def a_sample_is_taken_every_cycle(encoder: EncoderRig, rng: np.random.Generator) -> None:
    """Without stalls there is no bubble between samples, tile groups or packets."""
    config = encoder.config
    for _ in range(3):
        layer = random_layer(config, rng)
        encoder.load(layer)
        # The first run begins a few cycles late: it finds the layer just committed.
        _, short, long = (
            encoder.encode(random_groups(config, layer, rng, packets)).run for packets in (1, 2, 5)
        )
        alone = replace(config, expand_macs=0), replace(layer, expand=None)
        assert long.cycles - short.cycles == 3 * packet_cycles(*alone)
        if not config.project_macs:
            assert long.sent.gap == 1
            assert packet_cycles(*alone) == packet_samples(config, layer)


def a_layer_waits_for_the_end_of_a_packet(encoder: EncoderRig, rng: np.random.Generator) -> None:
    """A packet that has begun ends on the layer that it began with; the next runs on the new."""
    config, simulation = encoder.config, encoder.simulation
    for stall in (0.0, 0.4):
        old, new = (random_case(config, rng, packets=2) for _ in range(2))
        encoder.load(old.layer)
        samples = beats(config, old.groups)
        cut = len(samples) * 3 // 4 - 5  # in a tile of the second packet
        begun = simulation.run(samples[:cut], len(old.words) // 2, stall=stall)
        encoder.load(new.layer)
        assert encoder.registers.read("status") & regs.PENDING
        left = len(old.words) + len(new.words) - begun.received.count
        rest = np.concatenate([samples[cut:], beats(config, new.groups)])
        ended = simulation.run(rest, left, stall=stall, idle=AFTER)
        _compare(encoder, [begun, ended], old, new)


def a_layer_written_while_samples_stream_tears_nothing(
    encoder: EncoderRig, rng: np.random.Generator
) -> None:
    """Writes into the shadow bank, a word a cycle, don't touch the packet that is inside."""
    config = encoder.config
    new = random_case(config, rng, packets=2)
    writes = list(encoder_writes(config, new.layer))
    # So long that the commit comes before its end.
    layer = random_layer(config, rng)
    groups = 1 + 2 * len(writes) * config.lanes // (config.pixels_least * layer.channels_in)
    old = random_case(config, rng, packets=1, groups=groups, channels=layer.channels)
    encoder.load(old.layer)
    samples = np.concatenate([beats(config, old.groups), beats(config, new.groups)])
    run = encoder.simulation.run(
        samples,
        len(old.words) + len(new.words),
        accesses=[Access(9, "bus", *write) for write in writes],
        idle=AFTER,
    )
    _compare(encoder, [run], old, new)


def a_write_while_a_commit_is_pending_is_refused(
    encoder: EncoderRig, rng: np.random.Generator
) -> None:
    """What is written then changes nothing, and an error tells of it until it is cleared."""
    case, other = (random_case(encoder.config, rng, packets=1) for _ in range(2))
    encoder.load(case.layer)
    encoder.simulation.write("bus", encoder_writes(encoder.config, other.layer))
    assert encoder.registers.errors() == regs.REFUSED
    encoder.registers.clear()
    _compare(encoder, [encoder.encode(case.groups, idle=AFTER).run], case)


def a_reset_in_mid_tile_forgets_everything(encoder: EncoderRig, rng: np.random.Generator) -> None:
    """Nothing of the packet comes, nothing is taken without a layer, and then all is sound."""
    case = random_case(encoder.config, rng)
    for part in (7, 2):
        encoder.load(case.layer)
        samples = beats(encoder.config, case.groups)
        encoder.simulation.run(samples[: len(samples) // part - 5], 0, stall=0.2)
        encoder.reset()
        assert encoder.registers.read("status") == 0
        assert not any(encoder.registers.counters().values())
        refuses_data_without_a_layer(encoder, samples[:1])
        encoder.load(case.layer)
        _compare(encoder, [encoder.encode(case.groups, idle=AFTER).run], case)


def its_registers_tell_what_it_is(encoder: EncoderRig, rng: np.random.Generator) -> None:
    """Identity, version and digest."""
    assert encoder.registers.read("id") == regs.ID
    assert encoder.registers.read("version") == regs.ENCODER
    assert encoder.registers.read("digest") == int(encoder.config.digest[:8], 16)


def _compare(encoder: EncoderRig, runs: list[Run], *cases: Case) -> None:
    got = [encoder.encoded(run) for run in runs]
    for name in ("words", "last"):
        assert_array_equal(
            np.concatenate([getattr(each, name) for each in got]),
            np.concatenate([getattr(case, name) for case in cases]),
            err_msg=name,
        )
    assert encoder.registers.read("status") == regs.CONFIGURED
    assert encoder.registers.errors() == 0
