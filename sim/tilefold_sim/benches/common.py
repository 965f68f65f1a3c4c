"""What the benches share."""

from itertools import count
from typing import Any

import numpy as np

from tilefold_hw.budget import packet_words
from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Layer

from ..cases import random_layer
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


def layer_of_words(config: CodecConfig, rng: np.random.Generator, words: int) -> Layer:
    """Return a random layer whose packets have *words* words or more."""
    for groups in count(1):
        layer = random_layer(config, rng, groups=groups)
        if packet_words(config, layer) >= words:
            break
    return layer
