import pytest

from tilefold_boards.sweep.space import load, parse
from tilefold_hw.config import preset

TWO = """
[[space]]
blocks = ["pack", "dct"]
parts = ["ecp5-12f", "ice40-up5k"]
seeds = [3, 5]
[space.config]
preset = "tiny"
sample_width = [8, 9]
"""


def test_a_space_is_every_combination():
    points = parse(TWO).points
    assert len(points) == 2 * 2 * 2 * 2
    assert {point.block for point in points} == {"pack", "dct"}
    assert {(point.part, point.freq_mhz) for point in points} == {
        ("ecp5-12f", 200.0),
        ("ice40-up5k", 24.0),
    }
    assert {point.seed for point in points} == {3, 5}
    assert {point.config.sample_width for point in points} == {8, 9}


def test_what_two_have_in_common_is_measured_once():
    assert parse(TWO + TWO).points == parse(TWO).points


def test_a_number_of_seeds_counts_from_one_and_0_is_packing_alone():
    text = '[[space]]\nblocks = "pack"\nseeds = {}\n'
    assert [point.seed for point in parse(text.format(3)).points] == [1, 2, 3]
    assert [point.seed for point in parse(text.format(0)).points] == [0]


def test_seeds_share_a_circuit():
    points = parse(TWO).points
    assert len({point.circuit for point in points}) == len(points) // 2


def test_what_is_no_configuration_is_left_out_and_told():
    space = parse('[[space]]\nblocks = "pack"\n[space.config]\nchannels = [8, 64]\n')
    assert {point.config for point in space.points} == {preset("standard")}
    assert space.left_out == (
        "tables must be at most channels (8), not 64: a channel reads one table",
    )
    space = parse('[[space]]\nblocks = ["pack", "project"]\n')
    assert space.left_out == ("project_macs must be 1 to 64 to have a block 'project', not 0",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("=", "space must be TOML: "),
        ("", r"file must have one or more tables \[\[space\]\]$"),
        ("[space]", r"file must have one or more tables \[\[space\]\]$"),
        ("[[spaces]]", r"file must have only space, not 'spaces'$"),
        ("[[space]]\nx = 1", r"space must have only blocks, .*, seeds, not 'x'$"),
        ("[[space]]\nblocks = 'fft'", r"block must be one of dct, .*, not 'fft'$"),
        ("[[space]]\nblocks = [1]", r"blocks must be text or a list of it, not 1$"),
        ("[[space]]\nblocks = []", r"blocks must have a value, not an empty list$"),
        ("[[space]]\nparts = 'x'", r"part must be one of ecp5-85f, .*, not 'x'$"),
        ("[[space]]\nseeds = -1", r"seeds must be a number up to 1000 or a list of such, not -1$"),
        ("[[space]]\nseeds = []", r"seeds must be .*, not \[\]$"),
        ("[[space]]\nfreq_mhz = 0", r"freq_mhz must be 1 to 1000, not 0$"),
        ("[[space]]\nconfig = 1", r"config must be a table, not 1$"),
        ("[[space]]\n[space.config]\nx = 1", r"config must have only channels, .*, not 'x'$"),
        ("[[space]]\n[space.config]\npreset = 'x'", r"preset must be one of pocket, .*, not 'x'$"),
        ("[[space]]\n[space.config]\ntile = 5", r"space must have a configuration: tile must be "),
    ],
)
def test_a_mistake_is_told(text, message):
    with pytest.raises(ValueError, match=rf"^{message}"):
        parse(text)


def test_an_error_names_the_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("")
    with pytest.raises(ValueError, match=r"mine\.toml: file must have one or more tables"):
        load(path)
    path.write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"mine\.toml: space must be text in UTF-8$"):
        load(path)
