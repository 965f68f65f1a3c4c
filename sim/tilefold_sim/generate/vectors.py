"""Golden vectors: what is written to a core, what goes in, and what comes out."""

from dataclasses import dataclass, replace

import numpy as np

from tilefold.model.arith import Ints
from tilefold.model.project import project as apply
from tilefold.model.raster import to_rows, unraster
from tilefold.model.reorder import to_beats
from tilefold.model.tiles import cut, join
from tilefold_hw.budget import packet_cycles
from tilefold_hw.core import CoreConfig
from tilefold_hw.layer import Layer
from tilefold_hw.raster import RasterConfig, tiles_across

from ..cases import Case, make_case, random_case, random_groups, random_layer

LAYERS = 3
"""Layers, one after the other."""

PACKETS = 2
"""Packets of each."""


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
    make = _in_tiles if core.raster is None else _in_rows
    plays = [make(core, rng) for _ in range(LAYERS)]
    codec, width = core.codec, core.codec.word_width
    inputs, outputs = [], []
    for play in plays:
        words = [int.from_bytes(word.tobytes(), "little") for word in play.case.words]
        stored = tuple(
            int(last) << width | word for word, last in zip(words, play.case.last, strict=True)
        )
        size_in, size_out = core.sample_bytes
        inputs.append(stored if core.block == "decoder" else _beats(play.samples, size_in))
        outputs.append(stored if core.block == "encoder" else _beats(play.given, size_out))
    return Vectors(
        tuple(tuple(_loads(core, play)) for play in plays),
        tuple(inputs),
        tuple(outputs),
        tuple(packet_cycles(codec, play.case.layer) for play in plays),
    )


@dataclass(frozen=True, slots=True)
class _Play:
    """Packets of a layer, in the order that the core has."""

    case: Case
    #: Height and width of a map, where maps come by rows.
    size: tuple[int, int]
    #: Of each packet what comes and, where it is no words, what leaves: ``int[beats, lanes]``.
    samples: list[Ints]
    given: list[Ints]


def _in_tiles(core: CoreConfig, rng: np.random.Generator) -> _Play:
    case = random_case(core.codec, rng, packets=PACKETS)
    samples, given = (
        [to_beats(core.codec, packet) for packet in np.split(groups, PACKETS)]
        for groups in (case.groups, _given(core, case))
    )
    return _Play(case, (0, 0), samples, given)


def _given(core: CoreConfig, case: Case) -> Ints:
    """Tile groups that leave."""
    project = case.layer.project
    if core.block == "projector" and project:
        return apply(case.groups, project, core.codec.sample)
    return case.restored


def _in_rows(core: CoreConfig, rng: np.random.Generator) -> _Play:
    codec, raster = core.codec, core.raster
    assert raster is not None
    layer, size = _sized_layer(core, raster, rng)
    tile = layer.on(codec).tile
    # Edges repeat what the map has there.
    packets = np.split(random_groups(codec, layer, rng, PACKETS), PACKETS)
    maps = [join(packet, *size) for packet in packets]
    case = make_case(codec, layer, np.concatenate([cut(each, tile) for each in maps]))
    groups = _given(core, case)
    given = [
        unraster(raster, to_beats(codec, packet), groups.shape[2], *size, tile=tile)
        for packet in np.split(groups, PACKETS)
    ]
    return _Play(case, size, [to_rows(raster, each) for each in maps], given)


def _sized_layer(
    core: CoreConfig, raster: RasterConfig, rng: np.random.Generator
) -> tuple[Layer, tuple[int, int]]:
    """Return a random layer and the size of its maps, for whose rows there is room."""
    while True:
        layer = random_layer(core.codec, rng)
        tile = layer.on(core.codec).tile
        height, width = (int(side) for side in rng.integers(1, 2 * tile + 1, 2))
        try:
            for channels in (layer.channels_in, layer.channels_out):
                raster.check(channels, (height, width), tile)
        except ValueError:
            continue
        groups = tiles_across(height, tile) * tiles_across(width, tile)
        return replace(layer, groups=groups), (height, width)


def _loads(core: CoreConfig, play: _Play) -> list[tuple[int, int]]:
    """Writes of all sides, each side's commit behind its own."""
    return [
        (window.byte(address), value)
        for window in core.windows
        for address, value in core.writes(window.side, play.case.layer, play.size)
    ]


def _beats(packets: list[Ints], size: int) -> tuple[int, ...]:
    """Beats of samples, *size* bytes each, with the last of each packet marked."""
    beats = []
    for packet in packets:
        lanes = packet.astype(np.int64) & (1 << 8 * size) - 1
        width = 8 * size * lanes.shape[1]
        beats += [
            (number == len(lanes) - 1) << width
            | sum(int(sample) << 8 * size * lane for lane, sample in enumerate(beat))
            for number, beat in enumerate(lanes)
        ]
    return tuple(beats)
