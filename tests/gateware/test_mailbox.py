import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.sim import Simulator
from cobs import cobs
from helpers.client import framed, sealed

from tilefold_gateware.cobs import CobsDecoder
from tilefold_gateware.mailbox import Mailbox
from tilefold_hw.link import BODY_MOST, HEADER

SLOTS = 4


class Post(wiring.Component):
    """A mailbox behind the decoder that fills it."""

    def __init__(self, slots=SLOTS):
        self.slots = slots
        super().__init__(
            {
                "i": In(stream.Signature(8)),
                "broken": In(1),
                "o": Out(stream.Signature(8)),
                "done": In(1),
                "damaged": Out(16),
                "dropped": Out(16),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.uncobs = uncobs = CobsDecoder()
        m.submodules.mailbox = mailbox = Mailbox(self.slots, 16)
        connect(m, flipped(self.i), uncobs.i)
        connect(m, uncobs.o, mailbox.i)
        connect(m, mailbox.o, flipped(self.o))
        m.d.comb += [
            uncobs.broken.eq(self.broken),
            mailbox.done.eq(self.done),
            self.damaged.eq(mailbox.damaged),
            self.dropped.eq(mailbox.dropped),
        ]
        return m


class User:
    """Who fills and empties a mailbox."""

    def __init__(self, ctx, dut):
        self.ctx, self.dut = ctx, dut

    async def put(self, wire):
        self.ctx.set(self.dut.i.valid, 1)
        for byte in wire:
            self.ctx.set(self.dut.i.payload, byte)
            await self.ctx.tick()
        self.ctx.set(self.dut.i.valid, 0)
        await self.ctx.tick()

    async def take(self, stall=0.0, rng=None):
        """Return the request that is next; ``None`` if there is none."""
        text, length = b"", None
        for _ in range(5):
            if self.ctx.get(self.dut.o.valid):
                break
            await self.ctx.tick()
        else:
            return None
        while length is None or len(text) < HEADER.size + length:
            ready = not stall or rng.random() >= stall
            self.ctx.set(self.dut.o.ready, ready)
            _, _, valid, byte = await self.ctx.tick().sample(self.dut.o.valid, self.dut.o.payload)
            if valid and ready:
                if length is None:
                    length = byte
                else:
                    text += bytes([byte])
        self.ctx.set(self.dut.o.ready, 0)
        await self.empty()
        return text

    async def empty(self):
        self.ctx.set(self.dut.done, 1)
        await self.ctx.tick()
        self.ctx.set(self.dut.done, 0)

    @property
    def counts(self):
        return self.ctx.get(self.dut.damaged), self.ctx.get(self.dut.dropped)


def simulate(bench, slots=SLOTS):
    async def wrapped(ctx):
        await bench(User(ctx, dut))

    dut = Post(slots)
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(wrapped)
    simulator.run()


def bodies(count, seed=0):
    rng = np.random.default_rng(seed)
    sizes = [HEADER.size, BODY_MOST, *rng.integers(HEADER.size, 60, max(0, count - 2))]
    return [rng.integers(0, 256, size, dtype=np.uint8).tobytes() for size in sizes[:count]]


@pytest.mark.parametrize("slots", [2, 4, 8])
def test_keeps_as_many_requests_as_it_has_slots_in_order(slots):
    async def bench(user):
        for _ in range(3):
            texts = bodies(slots)
            await user.put(b"\0".join(map(framed, texts)))
            for text in texts:
                assert await user.take() == text
            assert await user.take() is None
        assert user.counts == (0, 0)

    simulate(bench, slots)


def test_what_finds_no_slot_is_dropped_and_counted():
    async def bench(user):
        texts = bodies(7)
        await user.put(b"".join(map(framed, texts)))
        assert user.counts == (0, 3)
        assert await user.take() == texts[0]
        # One that begins while all slots are taken is lost, though one may be free when it ends.
        await user.put(framed(texts[0]) + framed(texts[5])[:4])
        assert await user.take() == texts[1]
        await user.put(framed(texts[5])[4:] + framed(texts[6]))
        assert user.counts == (0, 4)
        for text in (*texts[2:4], texts[0], texts[6]):
            assert await user.take() == text
        assert await user.take() is None

    simulate(bench)


@pytest.mark.parametrize("size", [0, 1, HEADER.size - 1, BODY_MOST + 1, 251, 300, 600])
def test_a_frame_of_a_length_that_none_has_is_damaged(size):
    async def bench(user):
        text = bodies(1)[0]
        for wrong in (b"\5" * size, (b"\5\0" * size)[:size]):
            await user.put(framed(wrong) + framed(text))
        assert user.counts == (2, 0)
        for _ in range(2):
            assert await user.take() == text
        assert await user.take() is None

    simulate(bench)


def test_any_damage_leaves_nothing():
    async def bench(user):
        rng = np.random.default_rng(0)
        text = bodies(8)[-1]
        frame = framed(text)
        damages = 0
        for trial in range(200):
            place, kind = int(rng.integers(len(frame) - 1)), trial % 4
            damaged = bytearray(frame)
            if kind == 0:
                damaged[place] ^= 1 << int(rng.integers(8))
            elif kind == 1:
                del damaged[place]
            elif kind == 2:
                damaged.insert(place, damaged[place])
            else:
                damaged[place] = int(rng.integers(256))
            if damaged == frame:
                continue
            # What a zero cuts in two is damaged twice; the empty ones are none.
            damages += sum(bool(part) for part in bytes(damaged).split(b"\0"))
            await user.put(damaged)
            assert user.counts == (damages, 0)
            assert await user.take() is None
        await user.put(frame)
        assert await user.take() == text

    simulate(bench)


def test_a_broken_byte_damages_its_frame():
    async def bench(user):
        text = bodies(8)[-1]
        frame = framed(text)
        for place in range(1, len(frame)):
            await user.put(frame[:place])
            user.ctx.set(user.dut.broken, 1)
            await user.ctx.tick()
            user.ctx.set(user.dut.broken, 0)
            await user.put(frame[place:])
            assert user.counts == (place, 0)
        assert await user.take() is None
        await user.put(frame)
        assert await user.take() == text

    simulate(bench)


def test_a_frame_whose_seal_is_of_another_is_damaged():
    async def bench(user):
        one, other = (sealed(text) for text in bodies(2))
        await user.put(cobs.encode(one[:-4] + other[-4:]) + b"\0")
        assert user.counts == (1, 0)
        assert await user.take() is None

    simulate(bench)


def test_requests_come_whole_while_others_arrive():
    async def bench(user):
        rng = np.random.default_rng(0)
        for number in range(20):
            text = bodies(8, seed=number)[-1]
            await user.put(framed(text))
            assert await user.take(0.5, rng) == text
        # A request that is left before its end is gone.
        await user.put(framed(text) * 2)
        await user.empty()
        assert await user.take() == text
        assert await user.take() is None

    simulate(bench)
