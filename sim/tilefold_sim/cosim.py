"""Simulation under cocotb: the same runs, in a Verilog simulator.

A module for cocotb to load: its tests are the scenarios of the bench that the environment names.
"""

# amaranth: UnusedElaboratable=no
# (A component is made for its ports. What runs is its Verilog.)

import os
from dataclasses import replace
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import FallingEdge, ReadOnly

from tilefold_hw.config import CodecConfig

from . import payload
from .benches import BENCH, CONFIG, SEED, Scenario, bench, scenarios
from .payload import Parts
from .simulation import Access, Outcome, Passed, Plan, Simulation, ports_of

_PERIOD_NS = 10


class Cosim(Simulation):
    """A component in a Verilog simulator.

    Inputs change at the falling edge. What passes is seen there too, when all has settled, because
    simulators do not agree on what a reader sees at the rising edge.

    Parameters
    ----------
    component : wiring.Component
        What the Verilog was made from.
    dut : cocotb handle
        The top of the simulation.
    """

    def __init__(self, component: Any, dut: Any):
        super().__init__(ports_of(component))
        self._dut = {name: getattr(dut, name) for name in self.ports}
        self._driven: dict[str, int] = {}
        self._falls = FallingEdge(dut.clk)

    async def start(self) -> None:
        """Start the clock, and reset."""
        for name in ("i__valid", "o__ready", *(f"{bus}__w_stb" for bus in self.buses)):
            self._drive(name, 0)
        Clock(self._dut["clk"], _PERIOD_NS, unit="ns").start(start_high=False)
        await self._reset(1)

    def reset(self, cycles: int = 1) -> None:
        """Hold the reset for *cycles*."""
        resume(self._reset)(cycles)

    def tick(self, cycles: int = 1) -> None:
        """Run the clock with the inputs as they are."""
        resume(self._tick)(cycles)

    def carry_out(self, plan: Plan) -> Outcome:
        """Carry out a run."""
        return resume(self._carry_out)(plan)

    async def _reset(self, cycles: int) -> None:
        self._drive("rst", 1)
        await self._tick(cycles)
        self._drive("rst", 0)

    async def _tick(self, cycles: int) -> None:
        for _ in range(cycles):
            await self._falls

    async def _carry_out(self, plan: Plan) -> Outcome:
        dut = self._dut
        items = [int.from_bytes(row.tobytes(), "little") for row in plan.rows]
        accesses, reads = list(plan.accesses), []
        pauses_i, pauses_o = (np.random.default_rng([plan.seed, side]) for side in range(2))
        taps = {name: (dut[strobe], dut[name]) for name, strobe in plan.taps.items()}
        tapped: dict[str, list[int]] = {name: [] for name in taps}
        received: list[int] = []
        i = o = Passed()
        offered = False
        cycle = moved = idled = stuck = 0
        while True:
            over = i.count == len(items) and o.count >= (plan.count or 0) and not accesses
            if over and idled == plan.idle:
                break
            idled += over
            if not over and cycle - moved > plan.patience:
                stuck = cycle - moved
                break

            # An item that is offered stays, unchanged, until it is taken.
            if not offered and i.count < len(items) and pauses_i.random() >= plan.stall_i:
                self._drive("i__payload", items[i.count])
                offered = True
            self._drive("i__valid", offered)
            ready = False
            if plan.count is not None:
                ready = bool(pauses_o.random() >= plan.stall_o)
            self._drive("o__ready", ready)
            begun = self._begin(accesses, cycle)
            if begun:
                moved = cycle
            if plan.progress and cycle % 1000 == 0:
                plan.progress(i.count, o.count)

            await ReadOnly()
            if offered and dut["i__ready"].value:
                i, moved, offered = _passed(i, cycle), cycle, False
            elif offered:
                i = replace(i, waits=i.waits + 1)
            if ready and dut["o__valid"].value:
                received.append(dut["o__payload"].value.to_unsigned())
                o, moved = _passed(o, cycle), cycle
            elif plan.count is not None and dut["o__valid"].value:
                o = replace(o, waits=o.waits + 1)
            for name, (strobe, port) in taps.items():
                if strobe.value:
                    tapped[name].append(port.value.to_unsigned())

            await self._falls
            cycle += 1
            for access in begun:
                self._drive(f"{access.bus}__w_stb", 0)
                if access.value is None:
                    reads.append(dut[f"{access.bus}__r_data"].value.to_unsigned())

        # Nothing is offered between runs, and nothing taken.
        self._drive("i__valid", 0)
        self._drive("o__ready", 0)
        return Outcome(
            rows=self._rows("o__payload", received),
            tapped=[self._rows(name, seen) for name, seen in tapped.items()],
            reads=reads,
            accessed=len(plan.accesses) - len(accesses),
            sent=i,
            received=o,
            cycles=cycle,
            stuck=stuck,
        )

    def _begin(self, accesses: list[Access], cycle: int) -> list[Access]:
        """Start the accesses whose time has come, one a bus, and take them off the list."""
        begun: list[Access] = []
        while accesses and accesses[0].cycle <= cycle:
            if accesses[0].bus in {each.bus for each in begun}:
                break
            access = accesses.pop(0)
            self._drive(f"{access.bus}__address", access.address)
            self._drive(f"{access.bus}__w_data", access.value or 0)
            self._drive(f"{access.bus}__w_stb", access.value is not None)
            begun.append(access)
        return begun

    def _drive(self, port: str, value: int) -> None:
        """Set an input, if it does not have this value already: each write costs."""
        if self._driven.get(port) != value:
            self._driven[port] = value
            self._dut[port].value = int(value)

    def _rows(self, port: str, values: list[int]) -> Parts:
        """Payloads as rows of parts."""
        width = payload.parts(self.shape(port))
        whole = b"".join(value.to_bytes(4 * width, "little") for value in values)
        return np.frombuffer(whole, dtype="<u4").reshape(-1, width)


def _passed(passed: Passed, cycle: int) -> Passed:
    if not passed.count:
        return replace(passed, count=1, first=cycle, last=cycle)
    gap = max(passed.gap, cycle - passed.last)
    return replace(passed, count=passed.count + 1, last=cycle, gap=gap)


def _test(module: Any, name: str, scenario: Scenario) -> Any:
    """Return a cocotb test that plays *scenario*."""
    config = CodecConfig.from_toml(os.environ[CONFIG])
    seed = int(os.environ[SEED])

    @cocotb.test(name=name)
    async def test(dut: Any) -> None:
        simulation = Cosim(module.COMPONENT(config), dut)
        await simulation.start()
        await bridge(scenario)(module.RIG(config, simulation), np.random.default_rng(seed))

    return test


if BENCH in os.environ:
    _module = bench(os.environ[BENCH])
    for _name, _scenario in scenarios(_module).items():
        globals()[_name] = _test(_module, _name, _scenario)
