"""Bank: the registers of a device itself."""

from functools import reduce
from operator import or_

from amaranth.hdl import Const, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilefold_hw.device import ID, VERSION, DeviceConfig, device_registers

from .pipeline import delay
from .streams import Bus


class Bank(wiring.Component):
    """Registers of :func:`tilefold_hw.device.device_registers`.

    Parameters
    ----------
    config : DeviceConfig

    Members
    -------
    bus : In(Bus)
    mode : Out(2)
    run, items : Out(1), Out(32)
        The register ``run`` is written: with ``items``.
    left : In(32)
        What the register ``run`` shows.
    cycles, words, samples, damaged, dropped, wrong : In(that of the register)
        What the registers of these names show.
    """

    def __init__(self, config: DeviceConfig):
        self.constants = {
            "id": ID,
            "version": VERSION,
            **{f"digest_{n}": int(config.codec.digest[8 * n : 8 * n + 8], 16) for n in range(8)},
            "sides": config.sides,
            "clock": config.clock_hz,
            "slots": config.slots,
            "ring": config.ring,
        }
        self.registers = {reg.name: reg for reg in device_registers()}
        shown = self.registers.keys() - self.constants.keys() - {"mode", "run"}
        super().__init__(
            {
                "bus": In(Bus((len(self.registers) - 1).bit_length())),
                "mode": Out(self.registers["mode"].width),
                "run": Out(1),
                "items": Out(32),
                "left": In(32),
                **{name: In(self.registers[name].width) for name in sorted(shown)},
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus = self.bus
        asked = {name: bus.address == reg.address for name, reg in self.registers.items()}
        m.d.comb += [self.items.eq(bus.w_data), self.run.eq(bus.w_stb & asked["run"])]
        with m.If(bus.w_stb & asked["mode"]):
            m.d.sync += self.mode.eq(bus.w_data)

        # What never changes is looked up a cycle early.
        fixed, read = Const(0, 32), []
        for name, here in asked.items():
            if name in self.constants:
                fixed |= Mux(here, self.constants[name], 0)
            else:
                value = self.left if name == "run" else getattr(self, name)
                read.append(Mux(delay(m, here, 1), value, 0))
        m.d.comb += bus.r_data.eq(reduce(or_, read, delay(m, fixed, 1)))
        return m
