"""Golden vectors: what is written to a core, what goes in, and what comes out."""

from dataclasses import dataclass

import numpy as np

from tilefold.model.arith import Ints
from tilefold.model.reorder import to_beats
from tilefold_hw.budget import packet_cycles
from tilefold_hw.core import CoreConfig
from tilefold_hw.regs import decoder_writes, encoder_writes

from ..cases import Case, random_case

LAYERS = 3
"""Layers, one after the other."""

PACKETS = 2
"""Packets of each."""

_WRITES = {"encoder": encoder_writes, "decoder": decoder_writes}


@dataclass(frozen=True, slots=True)
class Vectors:
    """What a bench plays: for each layer, its writes, then its beats in and out.

    A beat is ``tlast << width | tdata``.
    """

    #: Byte address and value of each write, the commits last.
    writes: tuple[tuple[tuple[int, int], ...], ...]
    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]
    #: Cycles from a packet's beginning to the next one's, nobody waiting.
    cycles: tuple[int, ...]


def vectors(core: CoreConfig, seed: int = 0) -> Vectors:
    """Make vectors of random layers, with what the golden model makes of random samples."""
    rng = np.random.default_rng(seed)
    cases = [random_case(core.codec, rng, packets=PACKETS) for _ in range(LAYERS)]
    inputs = _words if core.block == "decoder" else _samples
    outputs = _words if core.block == "encoder" else _restored
    return Vectors(
        tuple(tuple(_loads(core, case)) for case in cases),
        tuple(inputs(core, case) for case in cases),
        tuple(outputs(core, case) for case in cases),
        tuple(packet_cycles(core.codec, case.layer) for case in cases),
    )


def _loads(core: CoreConfig, case: Case) -> list[tuple[int, int]]:
    """Writes of all sides, each side's commit behind its own."""
    return [
        (window.byte(address), value)
        for window in core.windows
        for address, value in _WRITES[window.side](core.codec, case.layer)
    ]


def _words(core: CoreConfig, case: Case) -> tuple[int, ...]:
    width = core.codec.word_width
    return tuple(
        int(last) << width | int.from_bytes(word.tobytes(), "little")
        for word, last in zip(case.words, case.last, strict=True)
    )


def _samples(core: CoreConfig, case: Case) -> tuple[int, ...]:
    return _beats(core, case, case.groups, core.sample_bytes[0])


def _restored(core: CoreConfig, case: Case) -> tuple[int, ...]:
    return _beats(core, case, case.restored, core.sample_bytes[1])


def _beats(core: CoreConfig, case: Case, groups: Ints, size: int) -> tuple[int, ...]:
    """Beats of samples, *size* bytes each, with the last of each packet marked."""
    lanes = to_beats(core.codec, groups).astype(np.int64) & (1 << 8 * size) - 1
    packet = len(lanes) // case.packets
    width = 8 * size * core.codec.lanes
    return tuple(
        ((number + 1) % packet == 0) << width
        | sum(int(sample) << 8 * size * lane for lane, sample in enumerate(beat))
        for number, beat in enumerate(lanes)
    )
