import pytest

from tilefold_boards.parts import PARTS, part


def test_a_part_has_a_name_and_a_device():
    assert part("ecp5-85f") is part("LFE5U-85F") is part("lfe5u-85f")
    assert part("ice40-up5k").device == "iCE40UP5K"


def test_figures_are_compared_on_the_first():
    first = next(iter(PARTS.values()))
    assert (first.device, first.freq_mhz) == ("LFE5U-85F", 200)
    assert first.options == ("--85k", "--package", "CABGA756", "--speed", "6")


def test_rejects_an_unknown_part():
    names = r"ecp5-85f, ecp5-45f, ecp5-25f, ecp5-12f, ice40-up5k, gw1nr-9c"
    with pytest.raises(ValueError, match=rf"^part must be one of {names}, not 'xc7a35t'$"):
        part("xc7a35t")
