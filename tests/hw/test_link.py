import pytest

from tilefold_hw.link import (
    BODY_MOST,
    COUNTED,
    CRC,
    DATA_MOST,
    FRAME_MOST,
    REGISTERS_MOST,
    RINGS,
    SLOTS,
    divisor,
)


def test_a_body_with_its_crc_costs_one_byte_of_coding():
    """COBS adds a byte for every 254."""
    assert BODY_MOST + CRC.size <= 254
    assert BODY_MOST + CRC.size + 2 == FRAME_MOST


def test_counts_are_wider_than_what_is_kept():
    assert max(RINGS) <= COUNTED // 4
    assert max(SLOTS) * DATA_MOST < COUNTED // 4


def test_a_request_for_registers_fits():
    assert 4 * REGISTERS_MOST <= DATA_MOST <= 255


@pytest.mark.parametrize(
    ("clock_hz", "baud", "cycles"),
    [
        (48_000_000, 3_000_000, 16),
        (12_000_000, 3_000_000, 4),
        (100_000_000, 115_200, 868),
        (25_000_000, 1_000_000, 25),
    ],
)
def test_the_nearest_divisor_is_taken(clock_hz, baud, cycles):
    assert divisor(clock_hz, baud) == cycles


@pytest.mark.parametrize("baud", [9600, 115_200, 921_600, 1_000_000, 3_000_000])
def test_a_divisor_is_within_two_percent_or_refused(baud):
    for clock_hz in range(4_000_000, 120_000_000, 777_777):
        try:
            cycles = divisor(clock_hz, baud)
        except ValueError:
            near = (clock_hz / n / baud for n in range(4, clock_hz // baud + 2))
            assert all(abs(rate - 1) > 0.02 for rate in near)
        else:
            assert abs(clock_hz / cycles / baud - 1) <= 0.02
            assert cycles >= 4


def test_rates_that_can_not_be_made_are_refused_in_words():
    message = (
        r"^baud must be within 2 % of a divisor of 25000000 Hz, not 3000000: 8 cycles a bit would "
        r"be 3125000, 4\.2 % off$"
    )
    with pytest.raises(ValueError, match=message):
        divisor(25_000_000, 3_000_000)
    with pytest.raises(
        ValueError, match=r"^baud must be at most a 4th of the clock of 9000000 Hz, not 3000000$"
    ):
        divisor(9_000_000, 3_000_000)
    with pytest.raises(ValueError, match=r"^baud must be 1 to 3000000, not 3000001$"):
        divisor(48_000_000, 3_000_001)
