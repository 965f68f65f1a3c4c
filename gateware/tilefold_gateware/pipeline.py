"""Delays that keep the parts of a pipeline in step."""

from dataclasses import dataclass

from amaranth.hdl import Module, Signal, Value, ValueLike


def delay(
    m: Module, value: ValueLike, cycles: int, *, init: int = 0, reset_less: bool = False
) -> Value:
    """Return *value* as it was *cycles* cycles ago, in the pipeline of module *m*.

    *init* is what it was before the reset. A *reset_less* delay goes on through one, and begins
    with *init* when the device wakes up.
    """
    value = Value.cast(value)
    for _ in range(cycles):
        name = f"{getattr(value, 'name', 'value')}_later"
        later = Signal(value.shape(), name=name, init=init, reset_less=reset_less)
        m.d.sync += later.eq(value)
        value = later
    return value


@dataclass(frozen=True)
class Timed:
    """A value in a pipeline, and the cycle in which it is there after an item has entered."""

    value: Value
    cycle: int

    def at(self, m: Module, cycle: int) -> Value:
        """Return the value as it is needed in a later cycle."""
        if cycle < self.cycle:
            raise ValueError(f"value must be needed in cycle {self.cycle} or later, not {cycle}")
        return delay(m, self.value, cycle - self.cycle)
