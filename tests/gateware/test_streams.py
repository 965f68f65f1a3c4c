from amaranth.hdl import Signal, Value, signed

from tilefold_gateware.streams import each, laned


def test_an_item_of_one_lane_is_a_sample():
    assert laned(signed(5), 1) == signed(5)
    value = Signal(signed(5))
    assert each(value, 1)[0] is value


def test_the_lanes_of_an_item_are_in_order():
    item = Signal(laned(signed(5), 4))
    lanes = each(item, 4)
    bits = Value.cast(item)
    assert len(bits) == 20
    assert [repr(lane) for lane in lanes] == [
        repr(bits[5 * k : 5 * k + 5].as_signed()) for k in range(4)
    ]
    assert all(lane.shape() == signed(5) for lane in lanes)


def test_no_lane_is_named_like_a_bit():
    # Yosys would take them for the same.
    assert "[" not in "".join(laned(signed(5), 4).members)
