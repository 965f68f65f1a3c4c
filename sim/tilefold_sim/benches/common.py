"""What the benches share."""

from typing import Any

from ..rig import Rig

STALLS = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.3, 0.6))
"""Probabilities that the input pauses, and the output."""

AFTER = 64
"""Cycles in which nothing more may come after the last item."""


def refuses_data_without_a_layer(rig: Rig, items: Any) -> None:
    """Nothing comes out, and nothing is taken."""
    assert rig.simulation.run(None, 0, idle=500).received.count == 0
    try:
        rig.simulation.run(items, 0, patience=AFTER)
    except TimeoutError as error:
        told = str(error)
    else:
        told = "nothing"
    taken = "0 of 1 items were taken at i, 0 of 0 came from o"
    assert told == f"nothing has moved for {AFTER + 1} cycles: {taken}", told
