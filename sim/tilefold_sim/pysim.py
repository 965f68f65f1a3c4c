"""Streams driven, stalled and watched in Amaranth's own simulator."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from amaranth.hdl import Fragment
from amaranth.sim import Simulator

CLOCK_S = 1e-6
"""Period of the simulated clock: any would do."""


@dataclass
class Transfers:
    """What passed a stream, and when."""

    #: Payloads in order: integers, or a dictionary a struct.
    items: list[Any] = field(default_factory=list)
    #: Cycle of each transfer, counted from the end of the reset.
    cycles: list[int] = field(default_factory=list)

    def __getitem__(self, name: str) -> np.ndarray:
        """Return one field of every payload."""
        return np.array([item[name] for item in self.items])


def run_stream(
    dut: Any,
    items: Iterable[Any],
    count: int,
    *,
    stall: float = 0.0,
    stall_i: float | None = None,
    stall_o: float | None = None,
    seed: int = 0,
    settings: Mapping[str, int] | None = None,
    processes: Iterable[Any] = (),
    idle: int = 0,
    deadline: int | None = None,
) -> tuple[Transfers, Transfers]:
    """Send *items* to ``dut.i``, take *count* from ``dut.o``, and return what passed both.

    Parameters
    ----------
    stall, stall_i, stall_o : float
        Probability that a side pauses in a cycle; ``stall`` sets both.
    settings : mapping
        Values of input ports, held throughout.
    processes : iterable of async functions
        Further test benches, run beside.
    idle : int
        Cycles to go on after the last item, to see that nothing more comes.
    deadline : int
        Cycles after which the run has failed; by default generous.

    Raises
    ------
    TimeoutError
        If *count* items have not come by the deadline.
    """
    items = list(items)
    stall_i = stall if stall_i is None else stall_i
    stall_o = stall if stall_o is None else stall_o
    deadline = deadline or 2000 + int(8 * (len(items) + count) / (1 - max(stall_i, stall_o)) ** 2)
    sent, received = Transfers(), Transfers()
    done = False

    async def drive(ctx):
        rng = np.random.default_rng(seed)
        cycle = 0
        for name, value in (settings or {}).items():
            ctx.set(getattr(dut, name), value)
        for item in items:
            while rng.random() < stall_i and not done:
                await ctx.tick()
                cycle += 1
            ctx.set(dut.i.payload, item)
            ctx.set(dut.i.valid, 1)
            while True:
                *_, ready = await ctx.tick().sample(dut.i.ready)
                cycle += 1
                if ready or done:
                    break
            if done:
                break
            sent.items.append(item)
            sent.cycles.append(cycle - 1)
            ctx.set(dut.i.valid, 0)
        ctx.set(dut.i.valid, 0)

    async def watch(ctx):
        nonlocal done
        rng = np.random.default_rng(seed + 1)
        for cycle in range(deadline):
            ctx.set(dut.o.ready, rng.random() >= stall_o)
            *_, valid, ready, payload = await ctx.tick().sample(
                dut.o.valid, dut.o.ready, dut.o.payload
            )
            if valid and ready:
                received.items.append(_plain(payload))
                received.cycles.append(cycle)
            if len(received.items) >= count:
                break
        ctx.set(dut.o.ready, 1)
        for _ in range(idle):
            *_, valid, payload = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            if valid:
                received.items.append(_plain(payload))
        done = True

    sim = Simulator(Fragment.get(dut, None))
    sim.add_clock(CLOCK_S)
    for process in (drive, watch, *processes):
        sim.add_testbench(process)
    sim.run()
    if len(received.items) < count:
        raise TimeoutError(
            f"only {len(received.items)} of {count} items came in {deadline} cycles; "
            f"{len(sent.items)} of {len(items)} were taken"
        )
    return sent, received


def _plain(payload: Any) -> Any:
    """Payload as integers: a struct becomes a dictionary."""
    if hasattr(payload, "shape") and hasattr(payload.shape(), "members"):
        return {name: _plain(payload[name]) for name in payload.shape().members}
    return int(payload)
