"""What flows between the boxes: payload layouts and the ports of memories."""

from amaranth.hdl import Mux, ShapeLike, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out


def framed(shape: ShapeLike, **fields: ShapeLike) -> data.StructLayout:
    """Payload with framing: ``data``, and ``last`` on the last item of a packet."""
    return data.StructLayout({"data": shape, **fields, "last": 1})


def inner(shape: ShapeLike, **fields: ShapeLike) -> data.StructLayout:
    """Payload inside a codec: framed, with the ``bank`` of settings that its packet runs on.

    The bank travels with the data, so that every box changes settings between the same two items:
    a packet can't see two settings, however deep the pipeline is.
    """
    return data.StructLayout({"data": shape, **fields, "last": 1, "bank": 1})


def laned(shape: ShapeLike, lanes: int) -> ShapeLike:
    """Shape of what an item carries for each of its samples; of one, it is *shape* itself.

    An item between boxes is *lanes* consecutive samples, coefficients or fields in scan order, the
    first on the lowest bits. ``last`` and ``bank`` stay one each.
    """
    # No ArrayLayout: Amaranth names the wires of its elements ``name[0]``, and what Yosys makes of
    # bit 0 of ``name`` is called the same; ABC9 then mixes them up.
    if lanes == 1:
        return shape
    return data.StructLayout({f"lane_{lane}": shape for lane in range(lanes)})


def each(value, lanes: int) -> list:
    """Lanes of *value*, of shape :func:`laned`: a list, the first in order at index 0."""
    return [value] if lanes == 1 else [value[f"lane_{lane}"] for lane in range(lanes)]


def banked(shape: ShapeLike) -> data.StructLayout:
    """Shape of what there is for each of the two banks of settings; see :func:`banks`."""
    return data.StructLayout({"bank_0": shape, "bank_1": shape})


def banks(value) -> tuple:
    """Banks of *value*, of shape :func:`banked`."""
    return value.bank_0, value.bank_1


def chosen(settings, bank: Value, name: str) -> Value:
    """Setting *name* of the bank that *bank* says, out of those of both."""
    return Mux(bank, settings.bank_1[name], settings.bank_0[name])


class Write(wiring.Signature):
    """Write port of a memory that a host fills.

    Members
    -------
    stb : Out(1)
        Write ``data`` to ``address``.
    address : Out(address_width)
    data : Out(data_width)
    """

    def __init__(self, address_width: int, data_width: int):
        self.address_width = address_width
        self.data_width = data_width
        super().__init__({"stb": Out(1), "address": Out(address_width), "data": Out(data_width)})


class Bus(wiring.Signature):
    """Access of a host to a register map: one word a cycle.

    Members
    -------
    address : Out(address_width)
        Word address.
    w_stb : Out(1)
        Write ``w_data`` in this cycle.
    w_data : Out(32)
    r_data : In(32)
        Content of ``address`` of the cycle before.
    """

    def __init__(self, address_width: int):
        self.address_width = address_width
        super().__init__(
            {
                "address": Out(address_width),
                "w_stb": Out(1),
                "w_data": Out(32),
                "r_data": In(32),
            }
        )
