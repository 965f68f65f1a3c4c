import numpy as np
import pytest
from helpers.bench import STALLS, Bench
from helpers.stimuli import framing

from tilefold_gateware.watch import Watch

TOLD = ["leaves", "stall", "done"]


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
def test_tells_what_leaves_and_what_waits_a_cycle_later(stall):
    bench = Bench(Watch(8))
    items = {"data": np.arange(60), **framing(60, 7)}
    run = bench.run(items, stall=stall, watch=[*TOLD, "done_bank"])
    np.testing.assert_array_equal(run.data, items["data"])
    np.testing.assert_array_equal(run["last"], items["last"])
    assert run.sent == run.received
    assert run.events["leaves"] == [cycle + 1 for cycle in run.received]
    ends = [run.received[place] + 1 for place in range(6, 60, 7)]
    assert run.events["done"] == ends
    assert len(run.events["stall"]) == run.waited
    banks = [cycle in run.events["done_bank"] for cycle in ends]
    assert banks == [bool(k % 2) for k in range(len(ends))]
