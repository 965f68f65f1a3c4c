import re
from dataclasses import replace

import pytest

from tilefold_hw.config import CodecConfig
from tilefold_hw.fixed import SQ, UQ
from tilefold_hw.layer import Clip, Layer, Projection, bias_format, sum_format
from tilefold_hw.table import Table, uniform

CONFIG = CodecConfig(channels=4, tables=2)
TABLE = uniform(8, 5, 3)
LAYER = Layer(groups=3, tables=(TABLE,), index=(0, 0))

# Three channels to two, and back.
WIDE = replace(CONFIG, project_macs=2, expand_macs=1)
PROJECT = Projection(((1, 2, 3), (4, 5, 6)), (7, 8), (9, 10), (11, 12), Clip(0))
EXPAND = Projection(((1, 2), (3, 4), (5, 6)), (7, 8, 9), (10, 11, 12), (13, 14, 15))
PROJECTED = replace(LAYER, project=PROJECT, expand=EXPAND)


def says(sentence):
    return f"^{re.escape(sentence)}$"


def test_accepts_what_fits():
    LAYER.check(CONFIG)
    PROJECTED.check(WIDE)
    Layer(65535, (TABLE, TABLE), (0, 1, 1, 0), Clip(-256, 255)).check(CONFIG)


SEVENS = replace(CONFIG, sevens=True)
SEVEN = replace(LAYER, tables=(uniform(7, 5, 3),), tile=7)


def test_a_layer_chooses_its_tile_where_it_may():
    SEVEN.check(SEVENS)
    SEVEN.check(replace(CONFIG, tile=7))
    for tile in (None, 8):
        replace(LAYER, tile=tile).check(CONFIG)
        replace(LAYER, tile=tile).check(SEVENS)
    assert SEVEN.on(SEVENS) == replace(CONFIG, tile=7)
    assert LAYER.on(SEVENS) == replace(LAYER, tile=8).on(SEVENS) == CONFIG
    assert LAYER.on(CONFIG) == CONFIG


@pytest.mark.parametrize(
    ("config", "tile", "sentence"),
    [
        (CONFIG, 7, "tile of the layer must be 8, not 7: build with sevens = true"),
        (CONFIG, 16, "tile of the layer must be 8, not 16: build with tile = 16"),
        (SEVENS, 4, "tile of the layer must be 7 or 8, not 4: build with tile = 4"),
        (SEVENS, 5, "tile of the layer must be 7 or 8, not 5: no hardware has such tiles"),
        (replace(CONFIG, tile=4), 7, "tile of the layer must be 4, not 7: build with tile = 7"),
        (SEVENS, 0, "tile of the layer must be 4 to 16, not 0"),
    ],
)
def test_rejects_a_tile_that_the_hardware_lacks_and_tells_which_has_it(config, tile, sentence):
    with pytest.raises(ValueError, match=says(sentence)):
        replace(SEVEN, tile=tile).check(config)


def test_the_tables_must_be_those_of_the_tile():
    with pytest.raises(
        ValueError, match=says("table 0: widths must have 49 entries (7 × 7), not 64")
    ):
        replace(LAYER, tile=7).check(SEVENS)


def test_a_projection_without_weights_has_no_channels():
    nothing = Projection((), (), (), ())
    assert (nothing.inputs, nothing.outputs) == (0, 0)


def test_channels_follow_from_the_index_and_the_projections():
    assert (LAYER.channels_in, LAYER.channels, LAYER.channels_out) == (2, 2, 2)
    assert (PROJECTED.channels_in, PROJECTED.channels, PROJECTED.channels_out) == (3, 2, 3)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"groups": 0}, "groups must be 1 to 65535, not 0"),
        ({"groups": 65536}, "groups must be 1 to 65535, not 65536"),
        ({"index": ()}, "channels of the layer must be 1 to 4, not 0"),
        ({"index": (0,) * 5}, "channels of the layer must be 1 to 4, not 5"),
        ({"tables": ()}, "tables of the layer must be 1 to 2, not 0"),
        (
            {"tables": (TABLE,) * 3},
            "tables of the layer must be 1 to 2, not 3: let channels share tables",
        ),
        ({"index": (0, 1)}, "index of channel 1 must be 0 to 0, not 1"),
        ({"index": (-1, 0)}, "index of channel 0 must be 0 to 0, not -1"),
        (
            {"tables": (TABLE, uniform(8, 5, 11))},
            "table 1: shift of coefficient (0, 0) must be 0 to 10, not 11",
        ),
        (
            {"tables": (uniform(4, 5, 3),)},
            "table 0: widths must have 64 entries (8 × 8), not 16",
        ),
        ({"clip": Clip(-257)}, "clip must lie in -256 to 255 and be in order, not -257 to 255"),
        (
            {"project": PROJECT},
            "project must be given for hardware with project_macs, and only then; "
            "this configuration has project_macs = 0",
        ),
        (
            {"expand": EXPAND},
            "expand must be given for hardware with expand_macs, and only then; "
            "this configuration has expand_macs = 0",
        ),
    ],
)
def test_rejects_what_the_hardware_cannot_run(change, sentence):
    with pytest.raises(ValueError, match=says(sentence)):
        replace(LAYER, **change).check(CONFIG)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"project": None},
            "project must be given for hardware with project_macs, and only then; "
            "this configuration has project_macs = 2",
        ),
        (
            {"expand": None},
            "expand must be given for hardware with expand_macs, and only then; "
            "this configuration has expand_macs = 1",
        ),
        ({"index": (0,) * 3}, "project must give the 3 stored channels, not 2"),
        (
            {"expand": replace(EXPAND, weights=((1,), (2,), (3,)))},
            "expand must take the 2 stored channels, not 1",
        ),
        (
            {"project": replace(PROJECT, scales=(1, 65536))},
            "project: scales[1] must be 0 to 65535, not 65536",
        ),
        (
            {"expand": replace(EXPAND, clip=Clip(0, 256))},
            "expand: clip must lie in -256 to 255 and be in order, not 0 to 256",
        ),
        (
            {"project": replace(PROJECT, clip=Clip(-1))},
            "project: clip must lie in 0 to 255 and be in order, not -1 to 255",
        ),
    ],
)
def test_rejects_projections_that_do_not_belong(change, sentence):
    with pytest.raises(ValueError, match=says(sentence)):
        replace(PROJECTED, **change).check(WIDE)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"groups": 3.0}, "groups must be a Python int, not 3.0"),
        ({"groups": True}, "groups must be a Python int, not True"),
        ({"index": (0, False)}, "index of channel 1 must be a Python int, not False"),
        ({"index": (0, 0.0)}, "index of channel 1 must be a Python int, not 0.0"),
        (
            {"tables": (Table((5.5,) * 64, (3,) * 64),)},
            "table 0: width of coefficient (0, 0) must be a Python int, not 5.5",
        ),
        ({"clip": Clip(0.5)}, "clip must be of Python ints or None, not 0.5"),
        ({"clip": Clip(high=True)}, "clip must be of Python ints or None, not True"),
        (
            {"project": replace(PROJECT, weights=((1, 2, 3), (4, 5.5, 6)))},
            "project: weights[1][1] must be a Python int, not 5.5",
        ),
        (
            {"expand": replace(EXPAND, shifts=(1, 2, "3"))},
            "expand: shifts[2] must be a Python int, not '3'",
        ),
    ],
)
def test_rejects_values_of_another_kind(change, sentence):
    with pytest.raises(TypeError, match=says(sentence)):
        replace(PROJECTED, **change).check(WIDE)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"weights": ()}, "outputs must be 1 to 4, not 0"),
        ({"weights": ((1,),) * 5}, "outputs must be 1 to 4, not 5"),
        ({"weights": ((), ())}, "inputs must be 1 to 4, not 0"),
        ({"weights": ((1,) * 5,) * 2}, "inputs must be 1 to 4, not 5"),
        ({"weights": ((1, 2), (3,))}, "weights[1] must be 2, one an input, not 1"),
        ({"weights": ((1, 128), (0, 0))}, "weights[0][1] must be -128 to 127, not 128"),
        ({"weights": ((0, 0), (-129, 0))}, "weights[1][0] must be -128 to 127, not -129"),
        ({"biases": (1,)}, "biases must be 2, one an output, not 1"),
        ({"scales": (1, 1, 1)}, "scales must be 2, one an output, not 3"),
        ({"shifts": ()}, "shifts must be 2, one an output, not 0"),
        ({"biases": (0, 1 << 17)}, "biases[1] must be -131072 to 131071, not 131072"),
        ({"biases": (-(1 << 17) - 1, 0)}, "biases[0] must be -131072 to 131071, not -131073"),
        ({"scales": (-1, 0)}, "scales[0] must be 0 to 65535, not -1"),
        ({"shifts": (0, 48)}, "shifts[1] must be 0 to 47, not 48"),
        ({"shifts": (-1, 0)}, "shifts[0] must be 0 to 47, not -1"),
        ({"clip": Clip(5, 4)}, "clip must lie in 0 to 255 and be in order, not 5 to 4"),
    ],
)
def test_rejects_a_projection_that_no_memory_holds(change, sentence):
    projection = replace(PROJECT, weights=((1, 2), (3, 4)))
    projection.check(UQ(8), UQ(8), channels=4)
    with pytest.raises(ValueError, match=says(sentence)):
        replace(projection, **change).check(UQ(8), UQ(8), channels=4)


@pytest.mark.parametrize(
    ("clip", "q", "limits"),
    [
        (Clip(), SQ(9), (-256, 255)),
        (Clip(0), SQ(9), (0, 255)),
        (Clip(0, 100), SQ(9), (0, 100)),
        (Clip(high=-3), SQ(9), (-256, -3)),
        (Clip(7, 7), UQ(4), (7, 7)),
    ],
)
def test_clip_falls_back_to_the_limits_of_the_format(clip, q, limits):
    assert clip.limits(q) == limits


@pytest.mark.parametrize("i", [UQ(8), SQ(8), UQ(16), SQ(17)])
@pytest.mark.parametrize("channels", [1, 2, 3, 64, 1024])
def test_a_bias_is_as_wide_as_the_sum_it_joins_or_as_a_register(i, channels):
    # -128 times the end of the input that is furthest from zero.
    q = sum_format(i, channels)
    assert q.min <= channels * -128 * i.max
    assert channels * -128 * i.min <= q.max
    assert bias_format(i, channels).width == min(q.width, 32)
