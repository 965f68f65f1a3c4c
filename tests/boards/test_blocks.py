# amaranth: UnusedElaboratable=no

from dataclasses import replace

import pytest

from tilefold_boards.blocks import BLOCKS, block
from tilefold_boards.parts import part
from tilefold_gateware.codec import Codec
from tilefold_gateware.yosys import to_rtlil
from tilefold_hw.config import preset

SMALL = replace(preset("tiny"), channels=4, project_macs=2, expand_macs=3)


# A codec is an encoder and a decoder, and takes as long as both.
@pytest.mark.parametrize("name", [name for name in BLOCKS if name != "codec"])
@pytest.mark.parametrize("config", [SMALL, replace(SMALL, sevens=True)], ids=["one", "sevens"])
def test_every_block_can_be_made_for_a_part(name, config):
    it = block(name)
    assert "module" in to_rtlil(it.make(config), "core", part("ecp5-85f"))
    assert it.latency_cycles(config) > 0


def test_a_codec_is_later_than_its_halves():
    encoder, decoder, codec = (
        block(name).latency_cycles(preset("tiny")) for name in ("encoder", "decoder", "codec")
    )
    assert codec > max(encoder, decoder)
    assert isinstance(block("codec").make(preset("tiny")), Codec)


def test_a_projector_makes_as_many_products_as_it_has_multipliers():
    assert (block("project").per_clock(SMALL), block("project").unit) == (2, "MAC")
    assert block("expand").per_clock(SMALL) == 3
    assert block("dct").per_clock(SMALL) == 1


def test_rejects_a_projector_that_is_not_there():
    message = r"^expand_macs must be 1 to 64 to have a block 'expand', not 0$"
    with pytest.raises(ValueError, match=message):
        block("expand").per_clock(preset("tiny"))


def test_rejects_an_unknown_block():
    names = ", ".join(BLOCKS)
    with pytest.raises(ValueError, match=rf"^block must be one of {names}, not 'fft'$"):
        block("fft")
