from amaranth.hdl import Signal, signed
from amaranth.lib import data

from tilefold_gateware.streams import each, laned


def test_an_item_of_one_lane_is_a_sample():
    assert laned(signed(5), 1) == signed(5)
    value = Signal(signed(5))
    assert each(value, 1)[0] is value


def test_the_lanes_of_an_item_are_in_order():
    assert laned(signed(5), 4) == data.ArrayLayout(signed(5), 4)
    item = Signal(laned(signed(5), 4))
    lanes = each(item, 4)
    assert [repr(lane) for lane in lanes] == [repr(item[k]) for k in range(4)]
    assert all(lane.shape() == signed(5) for lane in lanes)
