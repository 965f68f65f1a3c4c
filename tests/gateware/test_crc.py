from zlib import crc32

import numpy as np
import pytest
from amaranth.sim import Simulator
from helpers.bench import STALLS, Bench

from tilefold_gateware.crc import Crc, Sealer

TEXTS = [b"\0", b"\xff", b"123456789", bytes(range(256)), bytes(240)]


def test_equals_zlib_and_finds_its_own_end():
    async def bench(ctx):
        for text in TEXTS:
            sealed = text + crc32(text).to_bytes(4, "little")
            for place, byte in enumerate(sealed):
                before = sealed[:place]
                assert ctx.get(dut.crc) == crc32(before)
                assert ctx.get(dut.good) == (
                    place >= 4 and before[-4:] == crc32(before[:-4]).to_bytes(4, "little")
                )
                ctx.set(dut.data, byte)
                ctx.set(dut.step, 1)
                await ctx.tick()
            ctx.set(dut.step, 0)
            await ctx.tick()
            assert ctx.get(dut.good)
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)

    dut = Crc()
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
def test_seals_packets(stall):
    texts = [*TEXTS[:3], *TEXTS[:3]]
    sealed = [text + crc32(text).to_bytes(4, "little") for text in texts]
    items = {"data": list(b"".join(texts)), "last": lasts(texts)}
    run = Bench(Sealer()).run(items, sum(map(len, sealed)), stall=stall)
    assert bytes(run.data.tolist()) == b"".join(sealed)
    np.testing.assert_array_equal(run["last"], lasts(sealed))


def test_a_byte_a_cycle():
    run = Bench(Sealer()).run({"data": range(20), "last": lasts([range(10)] * 2)}, 28)
    assert run.latency == 0
    np.testing.assert_array_equal(np.diff(run.received), 1)


def lasts(texts):
    return np.concatenate([np.arange(len(text)) == len(text) - 1 for text in texts])
