import numpy as np
import pytest

from tilefold.baselines.run_length import RunLength
from tilefold.baselines.summary import summarise, zeros
from tilefold_hw.fixed import UQ


def test_mean_and_worst_stand_side_by_side():
    found = summarise(np.array([800, 1600, 600]), values=100, width=16)
    assert (found.mean, found.worst) == (1000, 1600)
    assert (found.mean_bits_per_value, found.worst_bits_per_value) == (10, 16)
    assert (found.saved, found.saved_at_worst) == (1 - 10 / 16, 0)


def test_a_map_that_grows_saves_less_than_nothing():
    samples = np.ones((2, 3, 8, 8), dtype=np.int64)
    found = summarise(RunLength(UQ(16)).bits(samples), samples[0].size, 16)
    assert found.saved == pytest.approx(-1 / 3)


def test_zeros_are_a_share():
    assert zeros(np.array([[0, 1], [0, 0]])) == 0.75


def test_rejects_no_images_no_values_and_no_bits():
    with pytest.raises(ValueError, match=r"^bits must be those of one image or more, not of sha"):
        summarise(np.zeros(0, dtype=np.int64), 1, 1)
    with pytest.raises(ValueError, match=r"^values must be 1 or more, not 0$"):
        summarise(np.zeros(1, dtype=np.int64), 0, 1)
    with pytest.raises(ValueError, match=r"^width must be 1 or more, not 0$"):
        summarise(np.zeros(1, dtype=np.int64), 1, 0)
