"""A component in a simulator: what can be done with it, whichever simulator that is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from amaranth.hdl import Shape, ShapeLike

from . import payload
from .payload import Parts, Values

PATIENCE = 1 << 18
"""Cycles in which nothing moves, after which a run has failed: more than any block thinks."""

Progress = Callable[[int, int], object]
"""Called now and then with the number of items that were sent and that came."""


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

    count: int = 0
    #: Cycle of the first transfer and of the last.
    first: int = 0
    last: int = 0
    #: Most cycles from one transfer to the next: 1 where they followed each other without a pause.
    gap: int = 0
    #: Cycles in which an item was offered and not taken.
    waits: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A run before it is run, its payloads packed."""

    rows: Parts
    count: int | None
    stall_i: float
    stall_o: float
    seed: int
    accesses: tuple[Access, ...]
    taps: dict[str, str]
    idle: int
    patience: int
    progress: Progress | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run as a simulator tells it."""

    rows: Parts
    tapped: list[Parts]
    reads: list[int]
    accessed: int
    sent: Passed
    received: Passed
    cycles: int
    #: Cycles in which nothing had moved, where that ended the run; else 0.
    stuck: int


@dataclass(frozen=True, slots=True)
class Run:
    """What a run did."""

    #: Payloads that came out of ``o``.
    items: Values = field(repr=False)
    #: Payloads that each tap saw, by name.
    taps: dict[str, Values] = field(repr=False)
    #: What the accesses read, in order.
    reads: list[int]
    #: Transfers at ``i`` and at ``o``.
    sent: Passed
    received: Passed
    #: Cycles of the run.
    cycles: int


def ports_of(component: Any) -> dict[str, ShapeLike]:
    """Ports of a component by their flat names, ``i__payload``, with clock and reset in front."""
    members = {
        "__".join(map(str, path)): value.shape()
        for path, _, value in component.signature.flatten(component)
    }
    return {"clk": 1, "rst": 1, **{n: s for n, s in members.items() if Shape.cast(s).width}}


class Simulation(ABC):
    """A component in a simulator.

    Its streams ``i`` and ``o`` are driven, if it has them, and its buses, which have members
    ``address``, ``w_stb``, ``w_data`` and ``r_data``. The clock stands still unless a method runs
    it. Between runs nothing is offered at ``i`` and nothing taken at ``o``.

    Parameters
    ----------
    ports : mapping
        The component's, from :func:`ports_of`.
    """

    def __init__(self, ports: Mapping[str, ShapeLike]):
        self.ports = ports
        self.buses = [name.removesuffix("__w_stb") for name in ports if name.endswith("__w_stb")]

    @abstractmethod
    def reset(self, cycles: int = 1) -> None:
        """Hold the reset for *cycles*."""

    @abstractmethod
    def tick(self, cycles: int = 1) -> None:
        """Run the clock with the inputs as they are."""

    @abstractmethod
    def carry_out(self, plan: Plan) -> Outcome:
        """Carry out a run."""

    def write(self, bus: str, writes: Iterable[tuple[int, int]]) -> None:
        """Write ``(address, value)`` pairs over *bus*, one a cycle."""
        self.run(accesses=[Access(0, bus, *each) for each in writes])

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
        progress: Progress | None = None,
    ) -> Run:
        """Send *items* to ``i``, wait for *count* from ``o``, and return what passed.

        Parameters
        ----------
        items : Values
            Payloads, as :mod:`~tilefold_sim.payload` tells. ``None`` sends none.
        count : int
            Payloads to wait for. ``None`` takes none: ``o`` stands still.
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

        Raises
        ------
        TimeoutError
            If nothing has moved for *patience* cycles and something was still to come.
        """
        rows = np.zeros((0, 1), dtype=np.uint32)
        if items is not None:
            rows = payload.pack(self.shape("i__payload"), items)
        plan = Plan(
            rows=rows,
            count=count,
            stall_i=_probability("stall_i", stall if stall_i is None else stall_i),
            stall_o=_probability("stall_o", stall if stall_o is None else stall_o),
            seed=seed,
            accesses=tuple(accesses),
            taps=dict(taps or {}),
            idle=idle,
            patience=patience,
            progress=progress,
        )
        for access in plan.accesses:
            if access.bus not in self.buses:
                raise ValueError(f"bus must be one of {', '.join(self.buses)}, not {access.bus!r}")
        for port in (*plan.taps, *plan.taps.values()):
            self.shape(port)
        done = self.carry_out(plan)
        if progress:
            progress(done.sent.count, done.received.count)
        if done.stuck:
            raise TimeoutError(_how_far(plan, done))
        received = None
        if count is not None:
            received = payload.unpack(self.shape("o__payload"), done.rows)
        tapped = {
            name: payload.unpack(self.shape(name), rows)
            for name, rows in zip(plan.taps, done.tapped, strict=True)
        }
        return Run(received, tapped, done.reads, done.sent, done.received, done.cycles)

    def shape(self, port: str) -> ShapeLike:
        """Shape of a port."""
        if port not in self.ports:
            raise ValueError(f"port must be one of {', '.join(self.ports)}, not {port!r}")
        return self.ports[port]


def _probability(name: str, stall: float) -> float:
    if not 0 <= stall < 1:
        raise ValueError(f"{name} must be 0 or more and less than 1, not {stall}")
    return stall


def _how_far(plan: Plan, done: Outcome) -> str:
    """Sentence that tells how far a run has come that does not go on."""
    told = []
    if len(plan.rows):
        told.append(f"{done.sent.count} of {len(plan.rows)} items were taken at i")
    if plan.count is not None:
        told.append(f"{done.received.count} of {plan.count} came from o")
    if left := len(plan.accesses) - done.accessed:
        told.append(f"{left} accesses to a bus are left")
    return f"nothing has moved for {done.stuck} cycles: {', '.join(told)}"
