import numpy as np
import pytest
from amaranth.hdl import signed, unsigned
from helpers.bench import STALLS, Bench

from tilefold_gateware.octets import Gatherer, Scatterer

FORMS = [(unsigned(8), 1, 1), (signed(12), 2, 1), (unsigned(6), 1, 4), (signed(17), 3, 2)]


def values_of(shape, lanes, count=30):
    rng = np.random.default_rng(0)
    low, high = (
        (-1 << shape.width - 1, 1 << shape.width - 1) if shape.signed else (0, 1 << shape.width)
    )
    values = rng.integers(low, high, (count, lanes))
    values[0], values[1] = low, high - 1
    return values


def octets_of(values, size):
    """Bytes of *values*, so many each, with their sign up to the top."""
    return values.astype("<i8").ravel().view(np.uint8).reshape(-1, 8)[:, :size].ravel()


def packed(values, shape):
    """Items as integers: the lanes close together."""
    mask = (1 << shape.width) - 1
    return [
        sum((int(value) & mask) << lane * shape.width for lane, value in enumerate(item))
        for item in values
    ]


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize(("shape", "size", "lanes"), FORMS, ids=str)
def test_gathers_items(shape, size, lanes, stall):
    values = values_of(shape, lanes)
    octets = octets_of(values, size)
    each = size * lanes
    # Some packets end; of the bytes of an item, the last one tells.
    last = np.arange(len(octets)) % (7 * each) == 7 * each - 1
    last[0] = each == 1
    run = Bench(Gatherer(shape, size, lanes)).run(
        {"data": octets, "last": last}, len(values), stall=stall
    )
    mask = (1 << shape.width * lanes) - 1
    assert [payload & mask for payload in run.payloads] == packed(values, shape)
    np.testing.assert_array_equal(run["last"], last[each - 1 :: each])


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize(("shape", "size", "lanes"), FORMS, ids=str)
def test_scatters_items(shape, size, lanes, stall):
    values = values_of(shape, lanes)
    octets = octets_of(values, size)
    run = Bench(Scatterer(shape, size, lanes)).run(packed(values, shape), len(octets), stall=stall)
    np.testing.assert_array_equal(run.data, octets)


@pytest.mark.parametrize(("shape", "size", "lanes"), FORMS, ids=str)
def test_a_byte_a_cycle(shape, size, lanes):
    values = values_of(shape, lanes)
    octets = octets_of(values, size)
    gathered = Bench(Gatherer(shape, size, lanes)).run({"data": octets}, len(values))
    np.testing.assert_array_equal(np.diff(gathered.sent), 1)
    assert gathered.latency == size * lanes
    scattered = Bench(Scatterer(shape, size, lanes)).run(packed(values, shape), len(octets))
    np.testing.assert_array_equal(np.diff(scattered.received), 1)
    assert scattered.latency == 1
