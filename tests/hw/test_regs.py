import re
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from tilefold_hw.budget import packet_words
from tilefold_hw.config import PRESETS, SCALE_SHIFT_MAX, CodecConfig
from tilefold_hw.layer import Clip, Layer, Projection, bias_format
from tilefold_hw.regs import (
    BUSY,
    CLEAR,
    COMMIT,
    CONFIGURED,
    DECODER,
    ENCODER,
    FRAMING,
    ID,
    PENDING,
    REFUSED,
    Access,
    decoder_map,
    encoder_map,
    table_stride,
    weight_stride,
)
from tilefold_hw.table import Table, uniform
from tilefold_hw.writes import decoder_writes, encoder_writes

CONFIGS = {
    **PRESETS,
    "smallest": CodecConfig(channels=1, tables=1, tile=4, sample_width=4),
    "odd": CodecConfig(channels=11, tables=5, tile=7, project_macs=3, expand_macs=5),
    "largest": CodecConfig(
        sample_width=16, channels=1024, tables=1024, tile=16, project_macs=33, expand_macs=64
    ),
}
SIDES = {"encoder": (encoder_map, encoder_writes), "decoder": (decoder_map, decoder_writes)}
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
every_side = pytest.mark.parametrize(("regs_of", "writes"), SIDES.values(), ids=SIDES)


def random_projection(random, i, outputs, inputs, config):
    bias = bias_format(i, config.channels)
    some = (random.choice([i.min, i.max]), random.randint(i.min, i.max))
    return Projection(
        tuple(tuple(random.choices(range(-128, 128), k=inputs)) for _ in range(outputs)),
        tuple(random.choices([bias.min, -1, 0, bias.max], k=outputs)),
        tuple(random.choices([0, 1, 65535], k=outputs)),
        tuple(random.choices([0, 1, SCALE_SHIFT_MAX], k=outputs)),
        Clip(min(some), max(some)),
    )


def random_layer(config, seed=0):
    """Layer that fills the hardware of *config*, or nearly."""
    random = Random(seed)
    channels = min(config.channels, 40)
    tables = tuple(
        Table(
            tuple(random.choices(range(config.field.width + 1), k=config.pixels)),
            tuple(random.choices(range(config.shift_max + 1), k=config.pixels)),
        )
        for _ in range(min(config.tables, 5))
    )
    index = tuple(random.choices(range(len(tables)), k=channels))
    some = sorted(random.randint(config.restored.min, config.restored.max) for _ in range(2))
    layer = Layer(random.randint(1, 65535), tables, index, Clip(*some))
    wide = min(config.channels, channels + 3)
    if config.project_macs:
        project = random_projection(random, config.sample, channels, wide, config)
        layer = replace(layer, project=project)
    if config.expand_macs:
        expand = random_projection(random, config.restored, wide, channels, config)
        layer = replace(layer, expand=expand)
    return layer


def load(regs, writes):
    """Settings by name and memories as lists, after *writes*."""
    names = {reg.address: reg for reg in regs.settings}
    settings, memories = {}, {memory.name: {} for memory in regs.memories}
    for address, value in writes:
        if address in names:
            reg = names[address]
            wraps = reg.signed and value >> (reg.width - 1)
            settings[reg.name] = value - (1 << reg.width if wraps else 0)
        for memory in regs.memories:
            if memory.address <= address < memory.address + memory.depth:
                memories[memory.name][address - memory.address] = value
    return settings, memories


def signed(value, width):
    return value - (1 << width) if value >> (width - 1) else value


@every_config
@every_side
def test_nothing_overlaps(regs_of, writes, config):
    regs = regs_of(config)
    addresses = [reg.address for reg in regs.registers]
    assert len(set(addresses)) == len(addresses)
    assert max(addresses) < min(memory.address for memory in regs.memories)
    names = [entry.name for entry in (*regs.registers, *regs.memories)]
    assert len(set(names)) == len(names)
    windows = sorted((m.address, m.address + (1 << m.address_width)) for m in regs.memories)
    for (_, end), (start, _) in pairwise(windows):
        assert end <= start


@every_config
@every_side
def test_windows_are_aligned_to_their_size_and_within_the_map(regs_of, writes, config):
    regs = regs_of(config)
    for memory in regs.memories:
        assert memory.depth <= 1 << memory.address_width
        assert memory.address % (1 << memory.address_width) == 0
        assert memory.address % 32 == 0
        assert (memory.address + memory.depth - 1) >> regs.address_width == 0
        assert 1 <= memory.width <= 32
    assert all(1 <= reg.width <= 32 for reg in regs.registers)


@every_config
@every_side
def test_every_write_lands_in_what_is_declared_and_fits(regs_of, writes, config):
    regs = regs_of(config)
    # How many bits a write to an address may have.
    widths = {reg.address: reg.width for reg in regs.registers if reg.access is Access.SHADOW}
    widths[regs.register("control").address] = regs.register("control").width
    done = list(writes(config, random_layer(config)))
    for address, value in done:
        width = widths.get(address) or next(
            m.width for m in regs.memories if m.address <= address < m.address + m.depth
        )
        assert 0 <= value < 1 << width
    addresses = [address for address, _ in done]
    assert len(set(addresses)) == len(addresses)
    assert set(addresses) >= {reg.address for reg in regs.settings}


@every_config
@every_side
def test_the_commit_is_the_last_write(regs_of, writes, config):
    control = regs_of(config).register("control").address
    done = list(writes(config, random_layer(config)))
    assert [n for n, (address, _) in enumerate(done) if address == control] == [len(done) - 1]
    assert done[-1] == (control, COMMIT)


@every_config
@every_side
def test_the_layer_can_be_read_out_of_its_writes(regs_of, writes, config):
    layer = random_layer(config)
    settings, memories = load(regs_of(config), writes(config, layer))
    assert settings["channels"] == layer.channels
    assert settings["groups"] == layer.groups
    assert memories["index"] == dict(enumerate(layer.index))
    for number, table in enumerate(layer.tables):
        for n, (width, shift) in enumerate(zip(table.widths, table.shifts, strict=True)):
            entry = memories["table"][number * table_stride(config) + n]
            assert (entry & 31, entry >> 5) == (width, shift)
    if writes is encoder_writes:
        assert settings["words"] == packet_words(config, layer)
        projection, macs = layer.project, config.project_macs
        clips = [("project", projection, config.sample)]
    else:
        projection, macs = layer.expand, config.expand_macs
        clips = [("restore", layer, config.restored), ("expand", projection, config.restored)]
    for name, owner, q in clips:
        if owner:
            assert (settings[f"{name}_low"], settings[f"{name}_high"]) == owner.clip.limits(q)
    if projection:
        check_projection(regs_of(config), config, settings, memories, projection, macs)


def check_projection(regs, config, settings, memories, projection, macs):
    if "inputs" in settings:
        assert settings["inputs"] == projection.inputs
    else:
        assert settings["outputs"] == projection.outputs
    # The projector computes outputs in passes of as many as it has multipliers.
    for output, row in enumerate(projection.weights):
        for n, weight in enumerate(row):
            place = (output // macs * config.channels + n) * weight_stride(macs) + output % macs
            assert signed(memories["weights"][place], 8) == weight
    width = regs.memory("biases").width
    for output, bias in enumerate(projection.biases):
        assert signed(memories["biases"][output], width) == bias
    assert memories["scales"] == dict(enumerate(projection.scales))
    assert memories["shifts"] == dict(enumerate(projection.shifts))


def test_a_projection_that_serves_both_sides_is_placed_by_each_side():
    config = CodecConfig(sample_signed=True, project_macs=2, expand_macs=8)
    both = Projection(((1, 2, 3), (4, 5, 6), (7, 8, 9)), (0,) * 3, (1,) * 3, (0,) * 3)
    layer = Layer(1, (uniform(8, 4, 4),), (0,) * 3, project=both, expand=both)
    _, memories = load(encoder_map(config), encoder_writes(config, layer))
    # Outputs 0 and 1 side by side, then output 2 in the next pass.
    start = config.channels * 2
    expected = {0: 1, 1: 4, 2: 2, 3: 5, 4: 3, 5: 6, start: 7, start + 2: 8, start + 4: 9}
    assert memories["weights"] == expected
    _, memories = load(decoder_map(config), decoder_writes(config, layer))
    expected = {0: 1, 1: 4, 2: 7, 8: 2, 9: 5, 10: 8, 16: 3, 17: 6, 18: 9}
    assert memories["weights"] == expected


def test_both_sides_answer_alike_up_to_the_counters():
    encoder, decoder = encoder_map(CodecConfig()), decoder_map(CodecConfig())
    common = ["id", "version", "digest", "status", "control", "errors"]
    assert [reg.name for reg in encoder.registers[:6]] == common
    for ours, theirs in zip(encoder.registers[:6], decoder.registers[:6], strict=True):
        assert ours.name == "version" or ours == theirs
        assert replace(ours, reset=theirs.reset) == theirs
    assert [reg.address for reg in encoder.registers[:6]] == list(range(6))
    assert ID.to_bytes(4, "big") == b"TLFD"
    assert ENCODER != DECODER


@every_side
def test_finds_registers_and_memories_by_name(regs_of, writes):
    regs = regs_of(CodecConfig())
    for reg in regs.registers:
        assert regs.register(reg.name) is reg
    for memory in regs.memories:
        assert regs.memory(memory.name) is memory


@every_side
def test_only_a_build_with_sevens_has_the_setting(regs_of, writes):
    both = CodecConfig(sevens=True)
    names = [reg.name for reg in regs_of(both).registers]
    assert [name for name in names if name != "seven"] == [
        reg.name for reg in regs_of(CodecConfig()).registers
    ]
    address = regs_of(both).register("seven").address
    for tile, value in ((7, 1), (8, 0), (None, 0)):
        layer = Layer(1, (uniform(tile or 8, 5, 3),), (0,), tile=tile)
        assert dict(writes(both, layer))[address] == value


@every_side
def test_a_layer_that_does_not_fit_writes_nothing(regs_of, writes):
    layer = Layer(0, (uniform(8, 4, 4),), (0,))
    with pytest.raises(ValueError, match=r"^groups must be 1 to 65535, not 0$"):
        next(writes(CodecConfig(), layer))


def test_rejects_a_packet_of_more_words_than_the_register_counts():
    config = CodecConfig(sample_width=16, channels=1024, tables=1, tile=16, word_width=32)
    layer = Layer(65535, (uniform(16, 16, 0),), (0,) * 1024)
    sentence = "words of a packet must be 1 to 4294967295, not 8589803520"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        next(encoder_writes(config, layer))


@every_config
@every_side
def test_fields_are_apart_and_within_what_holds_them(regs_of, writes, config):
    regs = regs_of(config)
    for holder in (*regs.registers, *regs.memories):
        taken = 0
        for field in holder.fields:
            assert field.width >= 1
            assert not field.mask & taken
            assert field.mask >> holder.width == 0
            taken |= field.mask
    for memory in regs.memories:
        assert memory.depth % memory.stride == 0


def test_named_bits_are_where_the_gateware_has_them():
    assert (PENDING, BUSY, CONFIGURED) == (1, 2, 4)
    assert (COMMIT, CLEAR) == (1, 2)
    assert (REFUSED, FRAMING) == (1, 2)


@every_side
def test_the_version_tells_the_side_and_the_map(regs_of, writes):
    version = regs_of(CodecConfig()).register("version")
    side, number = version.fields
    assert version.reset == (ENCODER if regs_of is encoder_map else DECODER)
    assert (version.reset & side.mask) >> side.lsb == (0x0E if regs_of is encoder_map else 0x0D)
    assert (version.reset & number.mask) >> number.lsb == 1
