"""Simulation: a compiled component runs inside this process, as fast as C++ makes it."""

from collections.abc import Callable, Iterable, Mapping
from ctypes import byref, c_uint64, c_void_p
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from amaranth.hdl import Const

from . import driver, payload
from .cxxrtl import FOLDER, build
from .payload import Parts, Values

PATIENCE = 1 << 18
"""Cycles in which nothing moves, after which a run has failed: more than any block thinks."""

_NONE = driver.Side(valid=-1)  # a side that is not there, or takes nothing
_BURST = 1 << 16  # cycles between two looks at the keyboard and the progress bar


class Access(NamedTuple):
    """Access to a bus at a cycle of a run, or as soon after as the bus is free."""

    cycle: int
    bus: str
    address: int
    #: What to write; ``None`` reads.
    value: int | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """Transfers of a stream in a run, whose first cycle is 0."""

    count: int
    #: Cycle of the first transfer and of the last.
    first: int
    last: int
    #: Most cycles from one transfer to the next: 1 where they followed each other without a pause.
    gap: int


@dataclass(frozen=True, slots=True)
class Run:
    """What a run did."""

    #: Payloads that came out of ``o``.
    items: Values
    #: Payloads that each tap saw, by name.
    taps: dict[str, Values] = field(repr=False)
    #: What the accesses read, in order.
    reads: list[int]
    #: Transfers at ``i`` and at ``o``.
    sent: Passed
    received: Passed
    #: Cycles of the run.
    cycles: int


class Simulation:
    """A component, compiled: its clock stands still unless a method runs it.

    Between runs nothing is offered at ``i`` and nothing taken at ``o``.

    Parameters
    ----------
    component : wiring.Component
        Clocked by one domain, ``sync``. Its streams ``i`` and ``o`` and its buses, if it has them,
        are used by :meth:`run`.
    folder : path
        Where compiled components are kept; see :func:`~tilefold_sim.cxxrtl.build`.
    """

    def __init__(self, component: Any, folder: str | Path = FOLDER):
        library = build(component, folder)
        self._ports = library.ports
        self._numbers = {name: number for number, name in enumerate(library.ports)}
        self._buses = [
            name.removesuffix("w_stb") for name in self._numbers if name.endswith("w_stb")
        ]
        self._driver = driver.load(library.path)
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
        raw = Const.cast(Const(value, self._shape(port))).value
        view = self._view(port)
        view[:] = [raw >> 32 * n & 0xFFFFFFFF for n in range(len(view))]

    def peek(self, port: str) -> Any:
        """Return what a port shows, settled: an integer, or a dictionary of them."""
        self._driver.tilefold_settle(self._simulation)
        values = payload.unpack(self._shape(port), self._view(port)[np.newaxis].copy())
        if isinstance(values, dict):
            return {name: _integer(value[0]) for name, value in values.items()}
        return _integer(values[0])

    def write(self, bus: str, writes: Iterable[tuple[int, int]]) -> None:
        """Write ``(address, value)`` pairs over *bus*, one a cycle."""
        self.run(accesses=[Access(0, bus, *write) for write in writes])

    def read(self, bus: str, address: int) -> int:
        """Read *address* over *bus*."""
        return self.run(accesses=[Access(0, bus, address)]).reads[0]

    def run(
        self,
        items: Values = None,
        count: int | None = None,
        *,
        stall: float = 0.0,
        stall_i: float | None = None,
        stall_o: float | None = None,
        seed: int = 0,
        accesses: Iterable[Access] = (),
        taps: Mapping[str, str] | None = None,
        idle: int = 0,
        patience: int = PATIENCE,
        progress: Callable[[int, int], object] | None = None,
    ) -> Run:
        """Send *items* to ``i``, wait for *count* from ``o``, and return what passed.

        Parameters
        ----------
        items : Values
            Payloads, as :mod:`~tilefold_sim.payload` tells. ``None`` sends none.
        count : int
            Payloads to wait for. ``None`` takes none, and ``o`` stands still.
        stall, stall_i, stall_o : float
            Probability that a side pauses in a cycle; ``stall`` sets both.
        seed : int
            Of the pauses.
        accesses : iterable of Access
            Accesses to buses at given cycles, in order.
        taps : mapping
            ``{payload port: strobe port}``: what an output shows in the cycles in which its strobe
            is high is collected too.
        idle : int
            Cycles to go on after all this, to see that nothing more comes.
        patience : int
            Cycles in which nothing moves, after which the run has failed.
        progress : function
            Called now and then with the number of items that were sent and that came.

        Raises
        ------
        TimeoutError
            If nothing has moved for *patience* cycles and something was still to come.
        """
        taps = taps or {}
        rows = self._rows(items)
        stall_i = stall if stall_i is None else stall_i
        stall_o = stall if stall_o is None else stall_o
        accesses = list(accesses)
        pending = (driver.Access * len(accesses))(*(self._access(access) for access in accesses))
        run = driver.Run(
            i=self._side("i", stall_i, 2 * seed),
            o=self._side("o", stall_o, 2 * seed + 1) if count is not None else _NONE,
            items=rows.ctypes.data,
            count=len(rows),
            expected=count or 0,
            idle=idle,
            patience=patience,
            buses=(driver.Bus * len(self._buses))(*map(self._bus, self._buses)),
            accesses=pending,
            access_count=len(pending),
            taps=(driver.Tap * len(taps))(*(self._tap(*tap) for tap in taps.items())),
            tap_count=len(taps),
        )
        try:
            while status := self._driver.tilefold_advance(self._simulation, byref(run), _BURST):
                if status == driver.STUCK:
                    raise TimeoutError(_stuck(run, count))
                if progress:
                    progress(run.i.passed.count, run.o.passed.count)
            if progress:
                progress(run.i.passed.count, run.o.passed.count)
            tapped = {
                name: self._collected(name, self._driver.tilefold_tapped, number)
                for number, name in enumerate(taps)
            }
            received = None
            if count is not None:
                received = self._collected("o__payload", self._driver.tilefold_received)
        finally:
            self._driver.tilefold_end(self._simulation, byref(run))
        return Run(
            items=received,
            taps=tapped,
            reads=[done.data for done in pending if not done.write],
            sent=_passed(run.i.passed),
            received=_passed(run.o.passed),
            cycles=run.cycles,
        )

    def _shape(self, port: str) -> Any:
        if port not in self._ports:
            raise ValueError(f"port must be one of {', '.join(self._ports)}, not {port!r}")
        return self._ports[port]

    def _number(self, port: str) -> int:
        self._shape(port)
        return self._numbers[port]

    def _view(self, port: str) -> Parts:
        """Parts of a port, where the simulation has them."""
        start = self._driver.tilefold_port(self._simulation, self._number(port))
        return np.ctypeslib.as_array(start, (payload.parts(self._shape(port)),))

    def _rows(self, items: Values) -> Parts:
        if items is None:
            return np.zeros((0, 1), dtype=np.uint32)
        return payload.pack(self._shape("i__payload"), items)

    def _side(self, name: str, stall: float, seed: int) -> driver.Side:
        if not 0 <= stall < 1:
            raise ValueError(f"stall_{name} must be 0 or more and less than 1, not {stall}")
        if f"{name}__valid" not in self._numbers:
            return _NONE
        return driver.Side(
            *(self._number(f"{name}__{port}") for port in ("valid", "ready", "payload")),
            chunks=payload.parts(self._shape(f"{name}__payload")),
            stall=int(stall * 2**32),
            random=int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]) | 1,
        )

    def _bus(self, prefix: str) -> driver.Bus:
        return driver.Bus(*(self._number(prefix + name) for name, _ in driver.Bus._fields_))

    def _access(self, access: Access) -> driver.Access:
        names = [prefix.rstrip("_") for prefix in self._buses]
        if access.bus not in names:
            raise ValueError(f"bus must be one of {', '.join(names)}, not {access.bus!r}")
        write = access.value is not None
        return driver.Access(
            access.cycle, names.index(access.bus), access.address, access.value or 0, write
        )

    def _tap(self, port: str, strobe: str) -> driver.Tap:
        return driver.Tap(
            self._number(strobe), self._number(port), payload.parts(self._shape(port))
        )

    def _collected(self, port: str, function: Any, *arguments: int) -> Values:
        size = c_uint64()
        start = function(self._simulation, *arguments, byref(size))
        width = payload.parts(self._shape(port))
        rows = np.zeros((size.value // width, width), dtype=np.uint32)
        if size.value:
            rows.ravel()[:] = np.ctypeslib.as_array(start, (size.value,))
        return payload.unpack(self._shape(port), rows)


def _integer(value: Any) -> int:
    return int(value) if np.ndim(value) == 0 else int.from_bytes(value.tobytes(), "little")


def _passed(passed: driver.Passed) -> Passed:
    return Passed(passed.count, passed.first, passed.last, passed.gap)


def _stuck(run: driver.Run, count: int | None) -> str:
    told = [f"nothing has moved for {run.cycles - run.moved} cycles"]
    if run.count:
        told.append(f"{run.i.passed.count} of {run.count} items were taken at i")
    if count is not None:
        told.append(f"{run.o.passed.count} of {count} came from o")
    if run.access_count > run.accessed:
        told.append(f"{run.access_count - run.accessed} accesses to a bus are left")
    return f"{told[0]}: {', '.join(told[1:])}" if told[1:] else told[0]
