"""Bench of the decoder: its samples are the model's, whatever the stalls, layers and lost words."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.testing import assert_array_equal

from tilefold_gateware.decoder import Decoder
from tilefold_hw import regs
from tilefold_hw.budget import packet_cycles
from tilefold_hw.writes import decoder_writes

from ..cases import Case, make_case, random_case, random_groups
from ..rig import DecoderRig, beats
from ..simulation import Access, Run
from .common import AFTER, STALLS, layer_of_words, refuses_data_without_a_layer

COMPONENT, RIG = Decoder, DecoderRig


def packets_equal_the_model(decoder: DecoderRig, rng: np.random.Generator) -> None:
    """Layer after layer, a few packets each, both sides pausing at random."""
    for seed, (stall_i, stall_o) in enumerate(STALLS):
        case = random_case(decoder.config, rng)
        decoder.load(case.layer)
        decoder.registers.clear()
        got = decoder.decode(case.words, stall_i=stall_i, stall_o=stall_o, seed=seed, idle=AFTER)
        _compare(decoder, [got.run], case)
        assert decoder.registers.counters() == {
            "tiles": case.tiles,
            "words": len(case.words),
            "stalls": got.run.received.waits,
            "clipped": case.clipped,
        }


def a_sample_comes_every_cycle(decoder: DecoderRig, rng: np.random.Generator) -> None:
    """Without stalls there is no bubble between samples, tile groups or packets."""
    config = decoder.config
    for _ in range(3):
        case = random_case(config, rng, packets=5)
        decoder.load(case.layer)
        each = len(case.words) // case.packets
        # The first run begins a few cycles late: it finds the layer just committed.
        _, short, long = (decoder.decode(case.words[: n * each]).run for n in (1, 2, 5))
        alone = replace(config, project_macs=0), replace(case.layer, project=None)
        assert long.cycles - short.cycles == 3 * packet_cycles(*alone)
        if not config.expand_macs:
            assert long.received.gap == 1


def a_layer_waits_for_the_end_of_a_packet(decoder: DecoderRig, rng: np.random.Generator) -> None:
    """A packet that has begun ends on the layer that it began with; the next runs on the new."""
    for stall in (0.0, 0.4):
        old, new = (_with_words(decoder, rng, packets=2) for _ in range(2))
        decoder.load(old.layer)
        cut = len(old.words) * 3 // 4  # in the second packet, which begins before the first is out
        first = _items(decoder, old) // 2
        begun = decoder.simulation.run(_payload(0, cut, old), first, stall=stall)
        decoder.load(new.layer)
        assert decoder.registers.read("status") & regs.PENDING
        left = _items(decoder, old) + _items(decoder, new) - begun.received.count
        rest = _payload(cut, None, old, new)
        ended = decoder.simulation.run(rest, left, stall=stall, idle=AFTER)
        _compare(decoder, [begun, ended], old, new)


def a_layer_written_while_samples_stream_tears_nothing(
    decoder: DecoderRig, rng: np.random.Generator
) -> None:
    """Writes into the shadow bank, a word a cycle, don't touch the packet that is inside."""
    config = decoder.config
    new = random_case(config, rng, packets=2)
    writes = list(decoder_writes(config, new.layer))
    old = random_case(config, rng, packets=1)
    # So long that the commit comes before its end.
    groups = 1 + 2 * len(writes) * config.lanes // (config.pixels_least * old.layer.channels)
    old = random_case(config, rng, packets=1, groups=groups, channels=old.layer.channels)
    decoder.load(old.layer)
    # A word is taken ahead of its packet's turn, and new words must find the new layer.
    begun = decoder.simulation.run(
        _payload(0, None, old),
        _items(decoder, old),
        accesses=[Access(len(old.words) + 99, "bus", *write) for write in writes],
    )
    after = decoder.simulation.run(_payload(0, None, new), _items(decoder, new), idle=AFTER)
    _compare(decoder, [begun, after], old, new)


def a_write_while_a_commit_is_pending_is_refused(
    decoder: DecoderRig, rng: np.random.Generator
) -> None:
    """What is written then changes nothing, and an error tells of it until it is cleared."""
    case, other = (random_case(decoder.config, rng, packets=1) for _ in range(2))
    decoder.load(case.layer)
    decoder.simulation.write("bus", decoder_writes(decoder.config, other.layer))
    assert decoder.registers.errors() == regs.REFUSED
    decoder.registers.clear()
    _compare(decoder, [decoder.decode(case.words, idle=AFTER).run], case)


def a_word_that_is_lost_or_doubled_spoils_its_packet_alone(
    decoder: DecoderRig, rng: np.random.Generator
) -> None:
    """The packet has its number of samples all the same, and an error tells of it."""
    for stall in (0.0, 0.5):
        case = _with_words(decoder, rng, packets=3)
        each = len(case.words) // 3
        middle = each + each // 2
        for change in (
            np.delete(np.arange(3 * each), middle),
            np.insert(np.arange(3 * each), middle, middle),
        ):
            _spoil(decoder, case, change, case.last[change], stall, (0, None, 2))


def a_packet_s_end_that_is_lost_or_early_spoils_two_alone(
    decoder: DecoderRig, rng: np.random.Generator
) -> None:
    """Without its end a packet swallows the next; a packet cut in two is two packets."""
    for stall in (0.0, 0.5):
        case = _with_words(decoder, rng, packets=4)
        each = len(case.words) // 4
        whole = np.arange(4 * each)
        lost, early = case.last.copy(), case.last.copy()
        lost[2 * each - 1] = False
        early[each + each // 2] = True
        _spoil(decoder, case, whole, lost, stall, (0, 1, 3))
        _spoil(decoder, case, whole, early, stall, (0, None, None, 2, 3))


def a_reset_in_mid_tile_forgets_everything(decoder: DecoderRig, rng: np.random.Generator) -> None:
    """Nothing of the packet comes, nothing is taken without a layer, and then all is sound."""
    case = random_case(decoder.config, rng)
    for part in (7, 2):
        decoder.load(case.layer)
        some = _items(decoder, case) // part - 5
        decoder.simulation.run(_payload(0, None, case), some, stall_o=0.2)
        decoder.reset()
        assert decoder.registers.read("status") == 0
        assert not any(decoder.registers.counters().values())
        refuses_data_without_a_layer(decoder, _payload(0, 1, case))
        decoder.load(case.layer)
        _compare(decoder, [decoder.decode(case.words, idle=AFTER).run], case)


def its_registers_tell_what_it_is(decoder: DecoderRig, rng: np.random.Generator) -> None:
    """Identity, version and digest."""
    assert decoder.registers.read("id") == regs.ID
    assert decoder.registers.read("version") == regs.DECODER
    assert decoder.registers.read("digest") == int(decoder.config.digest[:8], 16)


def _with_words(decoder: DecoderRig, rng: np.random.Generator, packets: int) -> Case:
    """Return a case whose packets have words enough to lose one in the middle."""
    layer = layer_of_words(decoder.config, rng, 4)
    return make_case(decoder.config, layer, random_groups(decoder.config, layer, rng, packets))


def _spoil(
    decoder: DecoderRig,
    case: Case,
    order: Any,
    last: Any,
    stall: float,
    expected: tuple[int | None, ...],
) -> None:
    """Send the words in *order*; *expected* are the packets that come, ``None`` a spoilt one."""
    decoder.load(case.layer)
    decoder.registers.clear()
    got = decoder.decode(
        case.words[order], last, packets=len(expected), stall=stall, idle=4 * AFTER
    )
    came = np.split(got.groups, len(expected))
    sent = np.split(case.restored, case.packets)
    for packet, number in zip(came, expected, strict=True):
        if number is not None:
            assert_array_equal(packet, sent[number], err_msg=f"packet {number}")
    ends = np.flatnonzero(got.last) + 1
    assert_array_equal(
        ends, np.arange(1, len(expected) + 1) * (_items(decoder, case) // case.packets)
    )
    assert decoder.registers.errors() == regs.FRAMING
    assert decoder.registers.errors() == regs.FRAMING  # until it is cleared
    decoder.registers.clear()
    _compare(decoder, [decoder.decode(case.words, stall=stall).run], case)


def _items(decoder: DecoderRig, case: Case) -> int:
    """Items that a decoder gives of a case."""
    return case.restored.size // decoder.config.lanes


def _payload(start: int, end: int | None, *cases: Case) -> dict[str, Any]:
    """Words of cases from *start* to *end*, as the stream takes them."""
    return {
        "data": np.concatenate([case.words for case in cases])[start:end],
        "last": np.concatenate([case.last for case in cases])[start:end],
    }


def _compare(decoder: DecoderRig, runs: list[Run], *cases: Case) -> None:
    assert_array_equal(
        np.concatenate([run.items["data"] for run in runs]),
        np.concatenate([beats(decoder.config, case.restored) for case in cases]),
    )
    sizes = [_items(decoder, case) // case.packets for case in cases for _ in range(case.packets)]
    last = np.concatenate([run.items["last"] for run in runs])
    assert_array_equal(np.flatnonzero(last) + 1, np.cumsum(sizes))
    assert decoder.registers.read("status") == regs.CONFIGURED
    assert decoder.registers.errors() == 0
