"""Delays that keep the parts of a pipeline in step."""

from amaranth.hdl import Module, Signal, Value, ValueLike


def delay(m: Module, value: ValueLike, cycles: int, *, init: int = 0) -> Value:
    """Return *value* as it was *cycles* cycles ago, in the pipeline of module *m*.

    *init* is what it was before the reset.
    """
    value = Value.cast(value)
    for _ in range(cycles):
        name = f"{getattr(value, 'name', 'value')}_later"
        later = Signal(value.shape(), name=name, init=init)
        m.d.sync += later.eq(value)
        value = later
    return value
