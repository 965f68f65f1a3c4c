"""Compiled simulation: a component runs inside this process, as fast as C++ makes it."""

from ctypes import byref, c_uint64, c_void_p
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Const

from tilefold_gateware.codec import Codec
from tilefold_gateware.decoder import Decoder
from tilefold_gateware.encoder import Encoder
from tilefold_hw.config import CodecConfig

from . import driver, payload
from .cxxrtl import FOLDER, build
from .payload import Parts
from .rig import CodecRig, DecoderRig, EncoderRig
from .simulation import Access, Outcome, Passed, Plan, Simulation, ports_of

_NONE = driver.Side(valid=-1)  # a side that is not there, or takes nothing
_BURST = 1 << 16  # cycles between two looks at the keyboard and the progress bar


class Compiled(Simulation):
    """A component, compiled.

    Parameters
    ----------
    component : wiring.Component
        Clocked by one domain, ``sync``.
    folder : path
        Where compiled components are kept; see :func:`~tilefold_sim.cxxrtl.build`.
    """

    def __init__(self, component: Any, folder: str | Path = FOLDER):
        super().__init__(ports_of(component))
        self._numbers = {name: number for number, name in enumerate(self.ports)}
        self._driver = driver.load(build(component, list(self.ports), folder))
        self._simulation = c_void_p(self._driver.tilefold_open())
        self.reset()

    def __del__(self) -> None:
        if hasattr(self, "_simulation"):
            self._driver.tilefold_close(self._simulation)

    def reset(self, cycles: int = 1) -> None:
        """Hold the reset for *cycles*."""
        self.poke("rst", 1)
        self.tick(cycles)
        self.poke("rst", 0)

    def tick(self, cycles: int = 1) -> None:
        """Run the clock with the inputs as they are."""
        self._driver.tilefold_tick(self._simulation, cycles)

    def poke(self, port: str, value: Any) -> None:
        """Set an input port: to an integer, or to a mapping of them, a field each."""
        raw = Const.cast(Const(value, self.shape(port))).value
        view = self._view(port)
        view[:] = [raw >> 32 * n & 0xFFFFFFFF for n in range(len(view))]

    def peek(self, port: str) -> Any:
        """Return what a port shows, settled: an integer, or a dictionary of them."""
        self._driver.tilefold_settle(self._simulation)
        values = payload.unpack(self.shape(port), self._view(port)[np.newaxis].copy())
        if isinstance(values, dict):
            return {name: _integer(value[0]) for name, value in values.items()}
        return _integer(values[0])

    def carry_out(self, plan: Plan) -> Outcome:
        """Carry out a run."""
        rows = np.ascontiguousarray(plan.rows)
        accesses = (driver.Access * len(plan.accesses))(*map(self._access, plan.accesses))
        run = driver.Run(
            i=self._side("i", plan.stall_i, 2 * plan.seed),
            o=self._side("o", plan.stall_o, 2 * plan.seed + 1) if plan.count is not None else _NONE,
            items=rows.ctypes.data,
            count=len(rows),
            expected=plan.count or 0,
            idle=plan.idle,
            patience=plan.patience,
            buses=(driver.Bus * len(self.buses))(*map(self._bus, self.buses)),
            accesses=accesses,
            access_count=len(accesses),
            taps=(driver.Tap * len(plan.taps))(*(self._tap(*tap) for tap in plan.taps.items())),
            tap_count=len(plan.taps),
        )
        try:
            while status := self._driver.tilefold_advance(self._simulation, byref(run), _BURST):
                if status == driver.STUCK:
                    break
                if plan.progress:
                    plan.progress(run.i.passed.count, run.o.passed.count)
            return Outcome(
                rows=self._collected(self._driver.tilefold_received, "o__payload")
                if plan.count is not None
                else rows[:0],
                tapped=[
                    self._collected(self._driver.tilefold_tapped, name, number)
                    for number, name in enumerate(plan.taps)
                ],
                reads=[access.data for access in accesses if not access.write],
                accessed=run.accessed,
                sent=_passed(run.i.passed),
                received=_passed(run.o.passed),
                cycles=run.cycles,
                stuck=run.cycles - run.moved if status == driver.STUCK else 0,
            )
        finally:
            self._driver.tilefold_end(self._simulation, byref(run))

    def _view(self, port: str) -> Parts:
        """Parts of a port, where the simulation has them."""
        start = self._driver.tilefold_port(self._simulation, self._numbers[port])
        return np.ctypeslib.as_array(start, (payload.parts(self.shape(port)),))

    def _side(self, name: str, stall: float, seed: int) -> driver.Side:
        if f"{name}__valid" not in self._numbers:
            return _NONE
        return driver.Side(
            *(self._numbers[f"{name}__{port}"] for port in ("valid", "ready", "payload")),
            chunks=payload.parts(self.shape(f"{name}__payload")),
            stall=int(stall * 2**32),
            random=int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]) | 1,
        )

    def _bus(self, name: str) -> driver.Bus:
        members = ("address", "w_stb", "w_data", "r_data")
        return driver.Bus(*(self._numbers[f"{name}__{member}"] for member in members))

    def _access(self, access: Access) -> driver.Access:
        write = access.value is not None
        bus = self.buses.index(access.bus)
        return driver.Access(access.cycle, bus, access.address, access.value or 0, write)

    def _tap(self, port: str, strobe: str) -> driver.Tap:
        width = payload.parts(self.shape(port))
        return driver.Tap(self._numbers[strobe], self._numbers[port], width)

    def _collected(self, function: Any, port: str, *number: int) -> Parts:
        """Rows that the driver has collected, copied."""
        size = c_uint64()
        start = function(self._simulation, *number, byref(size))
        rows = np.zeros((0, payload.parts(self.shape(port))), dtype=np.uint32)
        if size.value:
            rows = np.ctypeslib.as_array(start, (size.value,)).copy().reshape(-1, rows.shape[1])
        return rows


class CompiledEncoder(EncoderRig):
    """An encoder, compiled."""

    def __init__(self, config: CodecConfig, folder: str | Path = FOLDER):
        super().__init__(config, Compiled(Encoder(config), folder))


class CompiledDecoder(DecoderRig):
    """A decoder, compiled."""

    def __init__(self, config: CodecConfig, folder: str | Path = FOLDER):
        super().__init__(config, Compiled(Decoder(config), folder))


class CompiledCodec(CodecRig):
    """A codec, compiled."""

    def __init__(self, config: CodecConfig, folder: str | Path = FOLDER):
        super().__init__(config, Compiled(Codec(config), folder))


def _integer(value: Any) -> int:
    return int(value) if np.ndim(value) == 0 else int.from_bytes(value.tobytes(), "little")


def _passed(passed: driver.Passed) -> Passed:
    return Passed(*(getattr(passed, name) for name in driver.TRANSFERS))
