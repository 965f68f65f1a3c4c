import time

import numpy as np
import pytest

from tilefold_hw.config import preset
from tilefold_sim.cases import random_groups, random_layer
from tilefold_sim.compiled import CompiledEncoder


@pytest.mark.slow
def test_the_8_bit_encoder_runs_200_000_cycles_a_second():
    config = preset("standard")
    encoder = CompiledEncoder(config)
    rng = np.random.default_rng(0)
    layer = random_layer(config, rng, groups=2, channels=config.channels)
    encoder.load(layer)
    groups = random_groups(config, layer, rng, 8)
    encoder.encode(groups)
    rates = []
    for _ in range(3):
        begin = time.process_time()
        cycles = encoder.encode(groups).run.cycles
        rates.append(cycles / (time.process_time() - begin))
    assert max(rates) >= 200_000, rates
