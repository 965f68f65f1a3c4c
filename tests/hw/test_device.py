from dataclasses import replace
from itertools import pairwise

import pytest

from tilefold_hw.config import PRESETS
from tilefold_hw.device import (
    DEVICES,
    SPACES,
    DeviceConfig,
    Mode,
    device,
    device_registers,
)
from tilefold_hw.regs import decoder_map, encoder_map


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_comes_back_from_its_own_text(name):
    config = DEVICES[name]
    assert DeviceConfig.from_toml(config.to_toml()) == config


def test_a_codecs_configuration_is_a_device_with_the_rest_as_it_is(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(PRESETS["tiny"].to_toml())
    assert device(str(file)) == DeviceConfig(PRESETS["tiny"]) == device("tiny")
    file.write_text('baud = 115200\ncodec = "video"\n')
    assert device(str(file)) == DeviceConfig(PRESETS["video"], baud=115_200)


def test_spaces_do_not_overlap():
    spans = sorted(SPACES.values())
    sizes = [len(device_registers())]
    sizes += [1 << sides(PRESETS["standard"]).address_width for sides in (encoder_map, decoder_map)]
    gaps = [after - before for before, after in pairwise(spans)]
    # Nothing is behind the last.
    assert all(size <= gap for size, gap in zip(sizes, gaps, strict=False))


def test_registers_follow_each_other_and_have_names_of_their_own():
    registers = device_registers()
    assert [register.address for register in registers] == list(range(len(registers)))
    assert len({register.name for register in registers}) == len(registers)


@pytest.mark.parametrize(
    ("sides", "modes"),
    [
        ((True, False), (Mode.ENCODE, Mode.SELFTEST)),
        ((False, True), (Mode.DECODE,)),
        ((True, True), (Mode.ENCODE, Mode.DECODE, Mode.ROUNDTRIP, Mode.SELFTEST)),
    ],
)
def test_modes_are_those_of_the_sides(sides, modes):
    config = DeviceConfig(encoder=sides[0], decoder=sides[1])
    assert config.modes == modes
    assert config.sides == sides[0] | sides[1] << 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slots": 3}, r"^slots must be 2, 4 or 8, not 3$"),
        ({"ring": 100}, r"^ring must be 512, 1024, .* or 8192, not 100$"),
        ({"encoder": False, "decoder": False}, r"^encoder or decoder must be true: a device has"),
        ({"clock_hz": 10}, r"^clock_hz must be 1000000 to 400000000, not 10$"),
        ({"baud": 2_900_000}, r"^baud must be within 2 % of a divisor of 48000000 Hz, not 2900000"),
    ],
)
def test_what_can_not_be_built_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(DeviceConfig(), **change)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("baud = 'fast'", r"^baud must be an integer, not 'fast'$"),
        ("encoder = 1", r"^encoder must be true or false, not 1$"),
        ("codec = 7", r"^codec must be a table or the name of a preset, not 7$"),
        (
            "[codec]\nlane = 1",
            r"^codec: configuration has no field 'lane'; the nearest is 'lanes'$",
        ),
        ("baud = 9600\nspeed = 1", r"^device must have fields of codec, encoder, .*, not 'speed'$"),
        ("[", r"^configuration must be TOML: "),
    ],
)
def test_text_that_is_no_device_is_refused(text, message):
    with pytest.raises((ValueError, TypeError), match=message):
        DeviceConfig.from_toml(text)


def test_a_name_that_is_none_tells_those_there_are():
    with pytest.raises(
        ValueError, match=r"^device must be a TOML file or one of ulx3s, .*, not 'x'$"
    ):
        device("x")
