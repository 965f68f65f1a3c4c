import numpy as np
import pytest
from amaranth.sim import Simulator
from cobs import cobs
from helpers.bench import STALLS, Bench

from tilefold_gateware.cobs import CobsDecoder, CobsEncoder

MOST = 254
TEXTS = [
    b"\0",
    b"\1",
    b"\0\0",
    b"\1\0",
    b"\0\1",
    bytes(240),
    b"\7" * 240,
    bytes(MOST),
    b"\7" * MOST,
    b"\0" + b"\7" * (MOST - 1),
    b"\7" * (MOST - 1) + b"\0",
    b"\7" * 127 + b"\0" + b"\7" * 126,
]


def random_texts(seed=0, count=30):
    rng = np.random.default_rng(seed)
    return [
        (rng.integers(1, 256, size) * (rng.random(size) < 0.8)).astype(np.uint8).tobytes()
        for size in rng.integers(1, 60, count)
    ]


def decode(*wire):
    """Frames that a decoder tells, and whether each is good; ``None`` on the wire is broken."""

    async def bench(ctx):
        text = b""
        for byte in wire:
            ctx.set(dut.broken, byte is None)
            ctx.set(dut.i.valid, byte is not None)
            ctx.set(dut.i.payload, byte or 0)
            assert ctx.get(dut.i.ready)
            push, end = ctx.get(dut.o.push), ctx.get(dut.o.end)
            assert not push & end
            if push:
                text += bytes([ctx.get(dut.o.data)])
            if end:
                found.append((text, bool(ctx.get(dut.o.good))))
                text = b""
            await ctx.tick()
        assert not text

    found = []
    dut = CobsDecoder()
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


def coded(texts):
    return b"".join(cobs.encode(text) + b"\0" for text in texts)


def test_decodes_a_byte_a_cycle():
    texts = TEXTS + random_texts()
    assert decode(*coded(texts)) == [(text, True) for text in texts]


def test_frames_without_a_byte_are_not_told():
    assert decode(*b"\0\0", *coded([b"\1"]), *b"\0\0\0") == [(b"\1", True)]


def test_a_frame_that_ends_in_a_block_is_bad():
    assert decode(*b"\5\1\2\0", *coded([b"\1"])) == [(b"\1\2", False), (b"\1", True)]


def test_a_lost_byte_spoils_its_frame_and_no_other():
    frame = coded([b"\1\2"])
    for place in range(len(frame)):
        wire = [*frame, *frame[:place], None, *frame[place:], *frame]
        assert [good for _, good in decode(*wire)] == [True, False, True]
    # Where a line breaks between frames, nobody knows what it was.
    assert decode(None, 0, *frame) == [(b"", False), (b"\1\2", True)]


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
def test_encodes(stall):
    texts = TEXTS[-2:] + random_texts(count=8) if stall != (0, 0) else TEXTS + random_texts()
    wire = coded(texts)
    items = {
        "data": list(b"".join(texts)),
        "last": np.concatenate([np.arange(len(text)) == len(text) - 1 for text in texts]),
    }
    run = Bench(CobsEncoder()).run(items, len(wire), stall=stall)
    assert bytes(run.data.tolist()) == wire


def test_one_frame_is_composed_while_another_is_sent():
    # Nothing is taken from the line: two frames find room, and no byte of a third.
    items = {"data": [1, 0] * 6, "last": [0, 0, 0, 1] * 3}
    run = Bench(CobsEncoder()).run(items, 18, stall=(0, lambda cycle: cycle < 60))
    assert sum(cycle < 60 for cycle in run.sent) == 8


def test_a_frame_leaves_a_byte_a_cycle():
    run = Bench(CobsEncoder()).run({"data": range(100), "last": [0] * 99 + [1]}, 102)
    np.testing.assert_array_equal(np.diff(run.sent), 1)
    np.testing.assert_array_equal(np.diff(run.received), 1)
