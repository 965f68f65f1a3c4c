import hashlib
import re
from dataclasses import FrozenInstanceError, fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilefold_hw.config import PRESETS, CodecConfig, preset
from tilefold_hw.fixed import SQ, UQ


def says(sentence):
    return f"^{re.escape(sentence)}$"


@st.composite
def configs(draw):
    channels = draw(st.integers(1, 1024))
    sample_width = draw(st.integers(4, 16))
    lanes = draw(st.sampled_from([1, 2, 4, 8]))
    # A word is wider than what comes in a cycle: up to 12 bits a field, or 16.
    most = lanes * (12 if sample_width <= 8 else 16)
    word_widths = [width for width in (16, 32, 64, 128, 256, 512) if width > most]
    sizes, macs = ([4, 7, 8, 16], 64) if lanes == 1 else ([8], 0)
    tile = draw(st.sampled_from(sizes))
    return CodecConfig(
        sample_width=sample_width,
        sample_signed=draw(st.booleans()),
        tile=tile,
        lanes=lanes,
        channels=channels,
        tables=draw(st.integers(1, channels)),
        word_width=draw(st.sampled_from(word_widths)),
        memory_words=draw(st.integers(16, 1 << 20)),
        multiplier_width=draw(st.sampled_from([16, 18])),
        project_macs=draw(st.integers(0, macs)),
        expand_macs=draw(st.integers(0, macs)),
        sevens=(tile, lanes) == (8, 1) and draw(st.booleans()),
    )


@pytest.mark.parametrize("name", PRESETS)
def test_presets_come_back_from_toml(name):
    config = preset(name)
    assert CodecConfig.from_toml(config.to_toml()) == config


@given(configs())
def test_every_configuration_comes_back_from_toml(config):
    assert CodecConfig.from_toml(config.to_toml()) == config


def test_toml_is_a_line_a_field():
    assert CodecConfig().to_toml() == (
        "sample_width = 8\n"
        "sample_signed = false\n"
        "tile = 8\n"
        "lanes = 1\n"
        "channels = 64\n"
        "tables = 64\n"
        "word_width = 32\n"
        "memory_words = 1024\n"
        "multiplier_width = 18\n"
        "project_macs = 0\n"
        "expand_macs = 0\n"
    )


def test_fields_left_out_keep_their_defaults():
    assert CodecConfig.from_toml("tile = 4") == CodecConfig(tile=4)
    assert CodecConfig.from_toml("") == CodecConfig()


@settings(max_examples=30)
@given(configs())
def test_formats_follow_from_the_configuration(config):
    width = config.sample_width
    assert config.sample == (SQ(width) if config.sample_signed else UQ(width))
    assert config.centred == SQ(width)
    assert config.restored == (SQ(width) if config.sample_signed else SQ(width + 1))
    assert config.transform.forward_rows.i == config.centred
    assert config.transform.n == config.tile
    assert config.coefficient == config.transform.coefficient
    assert config.field == SQ(min(16, config.coefficient.width))
    # The largest shift leaves the sign of a coefficient and nothing else.
    assert config.coefficient.min >> config.shift_max == -1
    assert config.coefficient.max >> config.shift_max == 0
    assert config.coefficient.max >> (config.shift_max - 1) == 1
    assert config.pixels == config.tile**2


def test_digest_changes_with_every_field():
    changes = {
        "sample_width": 9,
        "sample_signed": True,
        "tile": 4,
        "lanes": 2,
        "channels": 65,
        "tables": 63,
        "word_width": 64,
        "memory_words": 1025,
        "multiplier_width": 16,
        "project_macs": 1,
        "expand_macs": 1,
        "sevens": True,
    }
    assert list(changes) == [field.name for field in fields(CodecConfig)]
    others = [replace(CodecConfig(), **{name: value}) for name, value in changes.items()]
    assert len({config.digest for config in [CodecConfig(), *others]}) == len(changes) + 1


def test_a_build_without_sevens_keeps_the_digest_that_it_had_before_there_were_any():
    config = CodecConfig()
    assert "sevens" not in config.to_toml()
    assert config.digest.startswith("f0fb0c42f066")
    assert replace(config, sevens=True).to_toml() == config.to_toml() + "sevens = true\n"


def test_digest_is_sha_256_of_the_toml():
    expected = hashlib.sha256(CodecConfig().to_toml().encode()).hexdigest()
    assert CodecConfig().digest == expected


def test_presets_differ():
    assert len({config.digest for config in PRESETS.values()}) == len(PRESETS)


def test_is_frozen():
    with pytest.raises(FrozenInstanceError, match=says("cannot assign to field 'tile'")):
        CodecConfig().tile = 4


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("sample_width", 3, "sample_width must be 4 to 16, not 3; the nearest is 4"),
        ("sample_width", 17, "sample_width must be 4 to 16, not 17; the nearest is 16"),
        ("channels", 0, "channels must be 1 to 1024, not 0; the nearest is 1"),
        ("channels", 1025, "channels must be 1 to 1024, not 1025; the nearest is 1024"),
        ("tables", 0, "tables must be 1 to 1024, not 0; the nearest is 1"),
        ("tables", 1025, "tables must be 1 to 1024, not 1025; the nearest is 1024"),
        ("memory_words", 15, "memory_words must be 16 to 1048576, not 15; the nearest is 16"),
        (
            "memory_words",
            1048577,
            "memory_words must be 16 to 1048576, not 1048577; the nearest is 1048576",
        ),
        ("project_macs", -1, "project_macs must be 0 to 64, not -1; the nearest is 0"),
        ("project_macs", 65, "project_macs must be 0 to 64, not 65; the nearest is 64"),
        ("expand_macs", -1, "expand_macs must be 0 to 64, not -1; the nearest is 0"),
        ("expand_macs", 65, "expand_macs must be 0 to 64, not 65; the nearest is 64"),
        ("tile", 5, "tile must be 4, 7, 8 or 16, not 5; the nearest is 4"),
        ("lanes", 0, "lanes must be 1, 2, 4 or 8, not 0; the nearest is 1"),
        ("lanes", 3, "lanes must be 1, 2, 4 or 8, not 3; the nearest is 2"),
        (
            "word_width",
            24,
            "word_width must be 16, 32, 64, 128, 256 or 512, not 24; the nearest is 16",
        ),
        ("multiplier_width", 17, "multiplier_width must be 16 or 18, not 17; the nearest is 16"),
        (
            "tables",
            65,
            "tables must be at most channels (64), not 65: a channel reads one table",
        ),
    ],
)
def test_rejects_values_out_of_range(name, value, sentence):
    with pytest.raises(ValueError, match=says(sentence)):
        CodecConfig(**{name: value})
    with pytest.raises(ValueError, match=says(f"line 1: {sentence}")):
        CodecConfig.from_toml(f"{name} = {value}")


def test_rejects_a_word_as_narrow_as_a_field():
    CodecConfig(sample_width=12, word_width=16)
    sentence = "word_width must be more than the 16 bits of a field, not 16; the nearest is 32"
    with pytest.raises(ValueError, match=says(sentence)):
        CodecConfig(sample_width=13, word_width=16)


@pytest.mark.parametrize(
    ("lanes", "sample_width", "enough", "sentence"),
    [
        (
            2,
            8,
            32,
            "word_width must be more than the 22 bits of 2 fields, not 16; the nearest is 32",
        ),
        (
            8,
            8,
            128,
            "word_width must be more than the 88 bits of 8 fields, not 64; the nearest is 128",
        ),
        (
            8,
            16,
            256,
            "word_width must be more than the 128 bits of 8 fields, not 128; the nearest is 256",
        ),
    ],
)
def test_rejects_a_word_as_narrow_as_the_fields_of_a_cycle(lanes, sample_width, enough, sentence):
    CodecConfig(lanes=lanes, sample_width=sample_width, word_width=enough)
    with pytest.raises(ValueError, match=says(sentence)):
        CodecConfig(lanes=lanes, sample_width=sample_width, word_width=enough // 2)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("tile", 7, "tile must be 8 with 2 lanes, not 7"),
        ("project_macs", 1, "project_macs must be 0 with 2 lanes, not 1"),
        ("expand_macs", 16, "expand_macs must be 0 with 2 lanes, not 16"),
    ],
)
def test_lanes_need_tiles_of_eight_and_no_projector(name, value, sentence):
    with pytest.raises(ValueError, match=says(sentence)):
        CodecConfig(lanes=2, **{name: value})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"tile": 7}, "tile must be 8 with sevens, not 7"),
        ({"tile": 16}, "tile must be 8 with sevens, not 16"),
        ({"lanes": 2}, "lanes must be 1 with sevens, not 2"),
    ],
)
def test_sevens_need_tiles_of_eight_and_one_lane(change, sentence):
    with pytest.raises(ValueError, match=says(sentence)):
        CodecConfig(sevens=True, **change)


@given(configs())
def test_a_layer_sees_the_build_of_its_own_tile(config):
    assert config.at(config.tile) == replace(config, sevens=False)
    assert config.tiles == ((7, 8) if config.sevens else (config.tile,))
    for tile in config.tiles:
        view = config.at(tile)
        assert (view.tile, view.tiles) == (tile, (tile,))
        # The circuits have the formats of the larger tile.
        for q, own in (
            (config.coefficient, view.coefficient),
            (config.transform.inverse_rows.o, view.transform.inverse_rows.o),
            (config.field, view.field),
        ):
            assert q.width >= own.width


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ("tile = '8'", "tile must be an integer, not '8'"),
        ("tile = 8.0", "tile must be an integer, not 8.0"),
        ("tile = true", "tile must be an integer, not True"),
        ("channels = [8]", "channels must be an integer, not [8]"),
        ("[tile]\nwidth = 8", "tile must be an integer, not {'width': 8}"),
        ("sample_signed = 1", "sample_signed must be true or false, not 1"),
        ("sample_signed = 'no'", "sample_signed must be true or false, not 'no'"),
    ],
)
def test_rejects_values_of_another_kind(toml, sentence):
    with pytest.raises(ValueError, match=says(f"line 2: {sentence}")):
        CodecConfig.from_toml(f"# mine\n{toml}")


def test_rejects_arguments_of_another_kind():
    with pytest.raises(TypeError, match=says("tile must be an integer, not '8'")):
        CodecConfig(tile="8")


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("tiles", "tile"),
        ("chanels", "channels"),
        ("macs_project", "project_macs"),
        ("TILE", "tile"),
        ("signed", "sample_signed"),
    ],
)
def test_an_unknown_field_names_the_nearest(key, near):
    sentence = f"configuration has no field {key!r}; the nearest is {near!r}"
    with pytest.raises(ValueError, match=says(f"line 1: {sentence}")):
        CodecConfig.from_toml(f"{key} = 8")


@pytest.mark.parametrize("key", [3, "", None])
def test_an_unknown_field_of_any_kind_is_told(key):
    begin = f"configuration has no field {key!r}; the nearest is "
    with pytest.raises(ValueError, match=f"^{re.escape(begin)}'[a-z_]+'$"):
        CodecConfig.from_dict({key: 8})


def test_a_whole_table_in_a_table_is_told():
    sentence = "configuration has no field 'channel'; the nearest is 'channels'"
    with pytest.raises(ValueError, match=says(f"line 1: {sentence}")):
        CodecConfig.from_toml("[channel]\nchannels = 8")


def test_says_where_toml_is_broken():
    # What Python's parser says in between may change.
    with pytest.raises(
        ValueError, match=r"^configuration must be TOML: .* \(at line 2, column 6\)$"
    ):
        CodecConfig.from_toml("tile = 8\nwhat is this")


def test_load_reads_a_file(tmp_path):
    path = tmp_path / "codec.toml"
    path.write_text(preset("video").to_toml())
    assert CodecConfig.load(path) == CodecConfig.load(str(path)) == preset("video")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"lanes = 1\ntile = 5", "line 2: tile must be 4, 7, 8 or 16, not 5; the nearest is 4"),
        (b"'tile' = 8.0", "line 1: tile must be an integer, not 8.0"),
        (b"# \xff", "configuration must be text in UTF-8"),
        (
            b"lanes = 8",
            "word_width must be more than the 88 bits of 8 fields, not 32; the nearest is 128",
        ),
        (b"tilt = 8", "line 1: configuration has no field 'tilt'; the nearest is 'tile'"),
    ],
)
def test_load_names_the_file(tmp_path, content, sentence):
    path = tmp_path / "codec.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=says(f"{path}: {sentence}")):
        CodecConfig.load(path)


def test_rejects_an_unknown_preset():
    sentence = "preset must be one of pocket, tiny, standard, demo, precise, video, not 'huge'"
    with pytest.raises(ValueError, match=says(sentence)):
        preset("huge")
