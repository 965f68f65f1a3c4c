"""The block memory of ECP5 equals the plain one: proved for all accesses, in every cycle.

Of each memory one word is left, at an address that may be any: `primitives/spot.v`. What both read
elsewhere is the same, and may be anything. By induction over the cycles that is no assumption: the
first read in which the two memories differ would be one at the spot, for some spot.

Where blocks lie one above the other, the proof for ever holds while ``enable`` is high; with any
``enable``, all runs of so many cycles from the start are tried.
"""

# amaranth: UnusedElaboratable=no

import re

import pytest
from helpers.proof import PROVED, REFUSED, REFUTED, TRIED, forms, run

from tilefold_gateware.ram import Ram

CUT = """
    proc
    flatten
    memory_collect
    techmap -autoproc -map spot.v
    select -assert-none t:$mem_v2
"""
SCRIPT = f"""
    read_rtlil gold.il
    {CUT}
    design -stash gold
    read_verilog dp16kd.v
    read_rtlil gate.il
    hierarchy -check -top gate
    {CUT}
    design -stash gate
    design -copy-from gold -as gold gold
    design -copy-from gate -as gate gate
    miter -equiv -flatten -make_outputs gold gate both
    sat -verify -prove trigger 0 """

GOLD = "gold.store.memory"
WIDTH = re.compile(r"cell \\DP16KD \\(block_(\d+)_(\d+)).*?\\DATA_WIDTH_A (\d+)", re.S)


def claims(ram, gate, spot_row):
    """Arguments of ``sat`` that say how the memories of the two forms belong together.

    The spot is in the blocks of row *spot_row*.
    """
    blocks = [(name, *map(int, found)) for name, *found in WIDTH.findall(gate)]
    rows = 1 + max(row for _, row, _, _ in blocks)
    bits = (ram.depth - 1).bit_length()
    # Address bits of a block. Its words may be more than there are.
    own = {1: 14, 2: 13, 4: 12, 9: 11, 18: 10}[blocks[0][-1]]
    low = min(bits, own)
    yield f"-set {GOLD}.here 1"
    if rows > 1:
        yield f"-set {GOLD}.spot[{bits - 1}:{own}] {spot_row}"
    for name, row, column, width in blocks:
        block = f"gate.{name}.content"
        yield f"-set {block}.here {int(row == spot_row)}"
        yield f"-set {block}.spot[{low - 1}:0] {GOLD}.spot[{low - 1}:0]"
        if low < own:
            yield f"-set {block}.spot[{own - 1}:{low}] 0"
        for here, there in parts(ram, column, width):
            yield f"-set {block}.elsewhere{here} {GOLD}.elsewhere{there}"
            if row == spot_row:
                yield f"-prove {block}.word{here} {GOLD}.word{there}"
            if rows == 1:
                yield f"-prove gate.{name}.read{here} {GOLD}.read{there}"


def parts(ram, column, width):
    """Yield bits of a block's word, and the bits of the whole word that they are."""
    if ram.halves:
        half = ram.width // 2
        for number in range(2):
            low = number * half
            yield f"[{9 * number + half - 1}:{9 * number}]", f"[{low + half - 1}:{low}]"
    else:
        low, high = column * width, min((column + 1) * width, ram.width)
        yield f"[{high - low - 1}:0]", f"[{high - 1}:{low}]"


def prove(ram, folder, how, *, spot_row=0, right="", wrong=""):
    """Let Yosys compare the two forms of *ram*, in one of which *right* is replaced."""
    gold, gate = forms(ram)
    assert right in gate
    arguments = [*claims(ram, gate, spot_row), *how.split(), "both"]
    return run(SCRIPT + " ".join(arguments), folder, gold, gate.replace(right, wrong))


FOR_EVER = "-tempinduct -maxsteps 4"

SIDE_BY_SIDE = [
    *((8, 40, False), (15, 128, False), (36, 1024, False), (40, 60, False), (9, 2048, False)),
    *((4, 4096, False), (8, 8192, False), (3, 16384, False)),
    *((16, 64, True), (18, 1024, True), (2, 40, True)),
]


@pytest.mark.parametrize(("width", "depth", "halves"), SIDE_BY_SIDE)
def test_blocks_side_by_side_equal_a_memory(width, depth, halves, tmp_path):
    assert PROVED in prove(Ram(width, depth, halves=halves), tmp_path, FOR_EVER)


# Two rows of two blocks, and two rows of one.
@pytest.mark.parametrize("how", [f"{FOR_EVER} -set in_enable 1", "-seq 6"])
@pytest.mark.parametrize(
    ("width", "depth", "halves", "spot_row"),
    [*((17, 4096, False, row) for row in range(2)), *((18, 2000, True, row) for row in range(2))],
)
def test_blocks_one_above_the_other_equal_a_memory(width, depth, halves, spot_row, how, tmp_path):
    said = prove(Ram(width, depth, halves=halves), tmp_path, how, spot_row=spot_row)
    assert (PROVED if FOR_EVER in how else TRIED) in said


WRONG = [
    ('\\REGMODE_B "OUTREG"', '\\REGMODE_B "NOREG"'),
    ("\\OCEB \\enable", "\\OCEB 1'1"),
    ("\\CEB \\enable", "\\CEB 1'1"),
    ("\\ADA1 \\write__address [0]", "\\ADA1 1'1"),
    ("\\WEB 1'0", "\\WEB \\write__stb"),
    ("\\RSTB 1'0", "\\RSTB \\rst"),
    ("\\CSB0 1'0", "\\CSB0 \\rst"),
    ("\\ADA4 \\write__address [1]", "\\ADA4 \\write__address [2]"),
    ("\\ADB5 \\address [1]", "\\ADB5 1'0"),
    ("\\DIA3 \\write__data [3]", "\\DIA3 \\write__data [4]"),
]


@pytest.mark.parametrize(("right", "wrong"), WRONG)
def test_a_primitive_that_is_used_otherwise_differs(right, wrong, tmp_path):
    said = prove(Ram(16, 64, halves=True), tmp_path, FOR_EVER, right=right, wrong=wrong)
    assert REFUTED in said


def test_a_row_that_is_chosen_too_early_differs(tmp_path):
    said = prove(Ram(17, 4096), tmp_path, "-seq 6", right="] \\row [0]", wrong="] \\address [11]")
    assert REFUTED in said


WIDTH_B = "\\DATA_WIDTH_B 18"


@pytest.mark.parametrize(
    "wrong", ["\\DATA_WIDTH_B 9", f'{WIDTH_B}\n    parameter \\ASYNC_RESET_RELEASE "SYNC"']
)
def test_what_is_not_described_is_refused(wrong, tmp_path):
    said = prove(Ram(18, 64), tmp_path, FOR_EVER, right=WIDTH_B, wrong=wrong)
    assert REFUSED in said or "does not have a parameter named" in said
