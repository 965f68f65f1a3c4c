"""Delays that keep the parts of a pipeline in step."""

from amaranth.hdl import Module, Signal, Value, ValueLike


def delay(m: Module, value: ValueLike, cycles: int) -> Value:
    """Return *value* as it was *cycles* cycles ago, in the pipeline of module *m*."""
    value = Value.cast(value)
    for _ in range(cycles):
        later = Signal(value.shape(), name=f"{getattr(value, 'name', 'value')}_later")
        m.d.sync += later.eq(value)
        value = later
    return value
