"""The block RAM of iCE40 equals a plain memory: proved for all words, one at a time.

As in ``test_ram_primitive.py``, while ``enable`` is high; the primitive is described by Yosys.
Words that are narrower than the block's share one of its words. So all reads are of words in the
spot's part, which may be any: reads leave no trace, and another could have been of another part.
"""

# amaranth: UnusedElaboratable=no

from types import SimpleNamespace

import pytest
from helpers.proof import PROVED, REFUTED, run

from tilefold_gateware.store import Store
from tilefold_gateware.yosys import to_rtlil

ICE40 = SimpleNamespace(device="iCE40UP5K")
GOLD = "gold.memory"

CUT = """
    proc
    flatten -wb
    memory_collect
    techmap -autoproc -map spot.v
    select -assert-none t:$mem_v2
"""
SCRIPT = f"""
    read_rtlil gold.il
    {CUT}
    design -stash gold
    read_verilog -defer +/ice40/cells_sim.v
    read_rtlil gate.il
    hierarchy -check -top gate
    {CUT}
    design -stash gate
    design -copy-from gold -as gold gold
    design -copy-from gate -as gate gate
    miter -equiv -flatten -make_outputs gold gate both
    sat -verify -tempinduct -maxsteps 4 -seq 1 -set in_enable 1 -prove trigger 0 """


def claims(store, mode, part):
    """Arguments of ``sat`` that say how the words of the two forms belong together.

    Words of a block are cut in ``2**mode`` parts, and the spot is in this *part* of one.
    """
    bits = (store.depth - 1).bit_length()
    low = min(bits, 8)
    yield f"-set {GOLD}.here 1"
    if bits > low:
        yield f"-set {GOLD}.spot[{bits - 1}:{low}] {part} -set in_address[{bits - 1}:{low}] {part}"
    for first in range(0, store.width, 16 >> mode):
        block = f"gate.block_{first}.memory"
        yield f"-set {block}.here 1 -set {block}.spot[{low - 1}:0] {GOLD}.spot[{low - 1}:0]"
        if low < 8:
            yield f"-set {block}.spot[7:{low}] 0"
        for bit in range(first, min(first + (16 >> mode), store.width)):
            place = ((bit - first) << mode) + part
            yield f"-set {block}.elsewhere[{place}] {GOLD}.elsewhere[{bit}]"
            yield f"-prove {block}.word[{place}] {GOLD}.word[{bit}]"


def prove(store, mode, part, folder, right="", wrong=""):
    gold, gate = to_rtlil(store, "gold"), to_rtlil(store, "gate", ICE40)
    assert "SB_RAM40_4K" in gate
    assert right in gate
    script = SCRIPT + " ".join([*claims(store, mode, part), "both"])
    return run(script, folder, gold, gate.replace(right, wrong))


@pytest.mark.parametrize(
    ("width", "depth", "parts", "mode", "part"),
    [
        *((16, 64, 2, 0, 0), (21, 16, 1, 0, 0), (18, 256, 2, 0, 0)),
        *((9, 512, 1, 1, 0), (9, 512, 1, 1, 1)),
        *((5, 700, 1, 2, 0), (5, 700, 1, 2, 2), (2, 2048, 1, 3, 0), (3, 2048, 1, 3, 7)),
    ],
)
def test_block_ram_equals_a_memory(width, depth, parts, mode, part, tmp_path):
    assert PROVED in prove(Store(width, depth, parts=parts), mode, part, tmp_path)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("\\RADDR { 2'00 \\address [8:0] }", "\\RADDR { 2'00 \\address [8] 1'0 \\address [6:0] }"),
        ("\\WE $1 [0]", "\\WE 1'1"),
        ("\\data [3] \\r_data [6]", "\\data [3] \\r_data [8]"),
    ],
)
def test_a_primitive_that_is_used_otherwise_differs(right, wrong, tmp_path):
    assert REFUTED in prove(Store(8, 512), 1, 0, tmp_path, right, wrong)


def test_what_no_block_holds_is_left_to_synthesis():
    for store in (Store(2, 2049), Store(16, 257, parts=2)):
        assert "SB_RAM40_4K" not in to_rtlil(store, "store", ICE40)
