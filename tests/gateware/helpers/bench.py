"""A bench: one circuit, elaborated once, run many times, and watched for what it must never do.

Every run checks, beside what its test asks for:

- an offer at ``o`` stands, unchanged, until it is taken (and between the boxes of a chain too);
- nothing is offered before anything came;
- no queue is pushed when it is full, and nothing enters a pipeline without a place at its end.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, repeat
from unittest.mock import patch

import numpy as np
from amaranth.hdl import Cat, Fragment, Module, ResetInserter, Shape, Signal, Value
from amaranth.lib import data
from amaranth.sim import Simulator

from tilefold_gateware import outlet

LATE = "late"
"""A stall: the output is ready only in the cycle after it was offered something."""

STALLS = {
    "flowing": (0, 0),
    "both": (0.5, 0.5),
    "starved": (0.9, 0),
    "blocked": (0, 0.9),
    "late": (0, LATE),
    "bursts": (-30, -30),
}
"""How the two sides pause: probability in a cycle, or minus the mean length of a burst."""

QUIET = 3
"""Cycles in which nothing is sent, to see that nothing is received."""


@dataclass
class Run:
    """What passed in a run, and in which cycles."""

    layout: object
    sent: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    payloads: list[int] = field(default_factory=list)
    #: How many items may be sent so far: what runs beside may hold back those that follow.
    gate: float = float("inf")
    #: Cycles in which the output waited for ``ready``.
    waited: int = 0
    #: Cycles in which each watched signal was high.
    events: dict[str, list[int]] = field(default_factory=dict)

    def __getitem__(self, name):
        """Return one field of all payloads that were received."""
        return unpacked(self.layout, self.payloads, name)

    @property
    def data(self):
        """The payloads received, or their field ``data``."""
        return unpacked(self.layout, self.payloads)

    @property
    def latency(self):
        """Cycles from the first transfer in to the first one out."""
        return self.received[0] - self.sent[0]


class Bench:
    """A circuit with streams ``i`` and ``o`` in Amaranth's simulator."""

    def __init__(self, dut, *, resettable=False):
        self.dut = dut
        self._reset = Signal()
        top = Module()
        with ExitStack() as stack:
            queues, streams = self._spy(stack)
            wrapped = ResetInserter(self._reset)(dut) if resettable else dut
            top.submodules.dut = Fragment.get(wrapped, None)
        # A circuit without registers has no clock of its own.
        top.d.sync += Signal().eq(1)
        self._faults = {}
        for number, queue in enumerate(queues):
            self._watch(top, f"queue {number} is pushed when full", queue.full)
            if queue.stray is not None:
                self._watch(top, f"an item enters without a place in queue {number}", queue.stray)
        for number, o in enumerate(streams):
            payload = Value.cast(o.payload).as_unsigned()
            waits, before = Signal(), Signal(len(payload))
            top.d.sync += [waits.eq(o.valid & ~o.ready & ~self._reset), before.eq(payload)]
            broken = waits & (~o.valid | (before != payload))
            self._watch(top, f"stream {number} takes back what it offered", broken)
        self._sim = Simulator(top)
        self._sim.add_clock(1e-6)
        self._sim.add_process(self._drive)
        self._sim.add_testbench(self._beside)
        self._fresh = True

    def _watch(self, m, text, condition):
        sticky = Signal()
        with m.If(condition):
            m.d.sync += sticky.eq(1)
        self._faults[text] = sticky

    @staticmethod
    def _spy(stack):
        """Collect the queues, and the streams that chains connect, while a circuit elaborates."""
        queues, streams = [], []

        @dataclass
        class Queue:
            full: Value
            stray: Value | None

        original_queue, original_connect = outlet._Queue._queue, outlet.wiring.connect

        def spy_queue(self, m, **how):
            queue = original_queue(self, m, **how)
            stray = self.take & ~self.ready if hasattr(self, "take") else None
            queues.append(Queue(queue.push & queue.full, stray))
            return queue

        def spy_connect(m, a, b):
            original_connect(m, a, b)
            if hasattr(a, "payload"):
                streams.append(a)

        stack.enter_context(patch.object(outlet._Queue, "_queue", spy_queue))
        stack.enter_context(patch("tilefold_gateware.chain.connect", spy_connect))
        return queues, streams

    def run(
        self,
        items=(),
        count=None,
        *,
        stall=(0, 0),
        inputs=None,
        load=(),
        beside=None,
        watch=(),
        hold=None,
        spoil=0,
        idle=40,
        seed=0,
        deadline=None,
    ):
        """Send *items*, take *count* (by default as many), and return the :class:`Run`.

        Parameters
        ----------
        items : sequence of int, or dict of name to sequence
            Payloads, or their fields.
        stall : pair
            How input and output pause: a value of :data:`STALLS`, or a function from the cycle to
            "pauses".
        inputs : dict of name to int
            Values of other ports, held throughout.
        load : sequence of (port, writes)
            What is written first, one ``(address, data)`` a cycle, at a ``Write`` or a ``Bus``.
        beside : async function(ctx, run)
            A test bench that runs at the same time.
        watch : names
            Ports of a bit whose high cycles are recorded in ``run.events``.
        hold : dict of int to int
            An item, and the cycle before which it is not sent.
        spoil : int
            Items to send, with what comes out thrown away, before a reset; then the run begins.
        idle : int
            Cycles to go on, to see that nothing more comes. It is in ``payloads`` if it does.
        """
        payloads = packed(self.dut.i.payload.shape(), items)
        self._plan = {
            "payloads": payloads,
            "count": len(payloads) if count is None else count,
            "stall": stall,
            "inputs": inputs or {},
            "load": [(port, list(writes)) for port, writes in load],
            "watch": list(watch),
            "hold": hold or {},
            "spoil": spoil,
            "idle": idle,
            "seed": seed,
            "deadline": deadline,
        }
        self._aside = beside
        self._run = Run(self.dut.o.payload.shape(), events={name: [] for name in watch})
        if not self._fresh:
            self._sim.reset()
        self._fresh = False
        self._sim.run()
        return self._run

    async def _beside(self, ctx):
        if self._aside:
            await self._aside(ctx, self._run)

    async def _drive(self, ctx):
        with ctx.critical():
            plan, run, dut = self._plan, self._run, self.dut
            for name, value in plan["inputs"].items():
                ctx.set(getattr(dut, name), value)
            await self._load(ctx, plan["load"])
            if plan["spoil"]:
                await self._stream(ctx, Run(run.layout), plan["payloads"][: plan["spoil"]], 0)
                ctx.set(self._reset, 1)
                await ctx.tick()
                ctx.set(self._reset, 0)
                await self._load(ctx, plan["load"])
            await self._stream(ctx, run, plan["payloads"], plan["count"], plan["idle"])
            *_, faults = await ctx.tick().sample(Cat(self._faults.values()))
            texts = [text for place, text in enumerate(self._faults) if faults >> place & 1]
            assert not texts, texts

    async def _load(self, ctx, load):
        for port, writes in load:
            strobe, payload = (
                (port.w_stb, port.w_data) if hasattr(port, "w_stb") else (port.stb, port.data)
            )
            for address, value in writes:
                ctx.set(port.address, address)
                ctx.set(payload, value)
                ctx.set(strobe, 1)
                await ctx.tick()
            ctx.set(strobe, 0)
        if load:
            await ctx.tick().repeat(3)

    async def _stream(self, ctx, run, payloads, count, idle=0):
        plan = self._plan
        i_valid, i_ready, i_payload = stream_values(self.dut.i)
        o_valid, o_ready, o_payload = stream_values(self.dut.o)
        stall_i, stall_o = plan["stall"]
        rngs = np.random.default_rng(plan["seed"]).spawn(2)
        late = stall_o == LATE
        pauses_i, pauses_o = pauses(stall_i, rngs[0]), pauses(0 if late else stall_o, rngs[1])
        hold = plan["hold"]
        watched = [run.events[name] for name in plan["watch"]] if run is self._run else []
        deadline = plan["deadline"] or 3000 + 14 * (len(payloads) + count) * (
            4 if plan["stall"] != (0, 0) else 1
        )
        flags = Cat(getattr(self.dut, name) for name in plan["watch"])
        tick = ctx.tick().sample(i_ready, o_valid, o_payload, *([flags] if watched else []))
        place, waiting = 0, None
        offered = drives = ready = False
        left = idle
        for cycle, pause_i, pause_o in zip(range(deadline), pauses_i, pauses_o, strict=False):
            _, _, taken, valid, payload, *high = await tick
            if offered and taken:
                run.sent.append(cycle)
                offered = False
            assert not valid or place, "something is offered before anything came"
            if waiting is not None:
                assert valid, f"what was offered is taken back in cycle {cycle}"
                assert payload == waiting, f"what was offered changes in cycle {cycle}"
            waiting = payload if valid and not ready else None
            run.waited += waiting is not None
            if valid and ready:
                run.received.append(cycle)
                run.payloads.append(payload)
            if watched and high[0]:
                for number, cycles in enumerate(watched):
                    if high[0] >> number & 1:
                        cycles.append(cycle)
            if len(run.sent) == len(payloads) and len(run.received) >= count:
                left -= 1
                if left < 0:
                    break
            if not offered:
                offered = (
                    place < len(payloads)
                    and place < run.gate
                    and cycle >= hold.get(place, QUIET)
                    and not pause_i
                )
                if offered:
                    ctx.set(i_payload, payloads[place])
                    place += 1
                if offered != drives:
                    ctx.set(i_valid, drives := offered)
            becomes = (waiting is not None) if late else not pause_o
            if becomes != ready:
                ctx.set(o_ready, ready := becomes)
        else:
            raise AssertionError(
                f"{len(run.sent)} of {len(payloads)} were taken and {len(run.received)} of "
                f"{count} came in {deadline} cycles"
            )
        ctx.set(i_valid, 0)
        ctx.set(o_ready, 0)


def stream_values(stream):
    """Valid, ready and payload of a stream: looked up once, because that is slow."""
    return stream.valid, stream.ready, Value.cast(stream.payload)


def pauses(stall, rng):
    """Whether a side pauses, cycle by cycle."""
    if callable(stall):
        return map(stall, range(1 << 30))
    if stall > 0:
        return chain.from_iterable((rng.random(4096) < stall).tolist() for _ in repeat(None))
    if stall < 0:
        lengths = (int(rng.geometric(-1 / stall)) for _ in repeat(None))
        return chain.from_iterable(repeat(bool(n % 2), k) for n, k in enumerate(lengths))
    return repeat(False)


def packed(shape, items):
    """Payloads as integers: *items* are integers already, or a sequence a field."""
    if isinstance(items, dict):
        length = max(np.size(values) for values in items.values())
        payloads = [0] * length
        for name, values in items.items():
            offset, mask, _ = _place(shape, name)
            for place, value in enumerate(np.broadcast_to(values, length).tolist()):
                payloads[place] |= (value & mask) << offset
        return payloads
    mask = (1 << Shape.cast(shape).width) - 1
    return [int(item) & mask for item in np.ravel(items)]


def unpacked(shape, payloads, name="data"):
    """One field of many payloads, or all of a payload that is no struct."""
    offset, mask, sign = _place(shape, name)
    values = [(payload >> offset & mask ^ sign) - sign for payload in payloads]
    return np.array(values, dtype=np.int64 if mask < 1 << 62 else object)


def _place(shape, name):
    if isinstance(shape, data.Layout):
        offset, shape = shape[name].offset, shape[name].shape
    else:
        offset = 0
    shape = Shape.cast(shape)
    return offset, (1 << shape.width) - 1, 1 << (shape.width - 1) if shape.signed else 0
