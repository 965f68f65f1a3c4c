import numpy as np
import pytest
from helpers.bench import STALLS, Bench
from helpers.stimuli import framing

from tilefold_gateware.watch import Watch

TOLD = ["leaves", "stall", "done", "mismatch"]


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
def test_tells_what_leaves_and_what_waits_a_cycle_later(stall):
    bench = Bench(Watch(8))
    items = {"data": np.arange(60), **framing(60, 7)}
    run = bench.run(items, inputs={"expected": 7}, stall=stall, watch=[*TOLD, "done_bank"])
    np.testing.assert_array_equal(run.data, items["data"])
    np.testing.assert_array_equal(run["last"], items["last"])
    assert run.sent == run.received
    assert run.events["leaves"] == [cycle + 1 for cycle in run.received]
    ends = [run.received[place] + 1 for place in range(6, 60, 7)]
    assert run.events["done"] == ends
    assert len(run.events["stall"]) == run.waited
    assert run.events["mismatch"] == []
    banks = [cycle in run.events["done_bank"] for cycle in ends]
    assert banks == [bool(k % 2) for k in range(len(ends))]


@pytest.mark.parametrize("expected", [1, 2, 3, 4, 6, 7, 8, 1000])
def test_tells_a_packet_that_does_not_have_the_items_expected(expected):
    sizes = [1, 7, 3, 7, 8, 6, 2]
    last = np.concatenate([np.arange(size) == size - 1 for size in sizes])
    run = Bench(Watch(8)).run(
        {"data": 0, "last": last}, inputs={"expected": expected}, stall=STALLS["both"], watch=TOLD
    )
    wrong = [end for end, size in zip(run.events["done"], sizes, strict=True) if size != expected]
    assert run.events["mismatch"] == wrong


def test_a_reset_forgets_the_packet_it_cuts():
    run = Bench(Watch(8), resettable=True).run(
        {"data": 0, **framing(14, 7)}, inputs={"expected": 7}, watch=TOLD, spoil=3
    )
    assert run.events["mismatch"] == []
