import subprocess
import sys

import numpy as np
import pytest
from amaranth.hdl import Array, Cat, Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tilefold_gateware.streams import Bus, framed
from tilefold_sim import cxxrtl
from tilefold_sim.compiled import Compiled
from tilefold_sim.simulation import Access

ITEMS = np.arange(200) * 7 % 256


class Echo(wiring.Component):
    """Gives back what it takes, framed by fours; counts offences against the rules of streams.

    A register, sixteen words to write and to read, and ``gate``, which lets nothing in.
    """

    def __init__(self, width=8):
        self.width = width
        super().__init__(
            {
                "i": In(stream.Signature(width)),
                "o": Out(stream.Signature(framed(width))),
                "bus": In(Bus(4)),
                "other_bus": In(Bus(4)),
                "gate": In(1),
                "offset": In(data.StructLayout({"low": 4, "high": signed(4)})),
                "offences": Out(8),
                "taken": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        count = Signal(2)
        full = Signal()
        m.d.comb += [
            self.i.ready.eq((~full | self.o.ready) & ~self.gate),
            self.o.valid.eq(full),
            self.taken.eq(self.i.valid & self.i.ready),
        ]
        with m.If(self.o.ready):
            m.d.sync += full.eq(0)
        with m.If(self.taken):
            m.d.sync += [full.eq(1), count.eq(count + 1)]
            m.d.sync += [
                self.o.payload.data.eq(self.i.payload + self.offset.low),
                self.o.payload.last.eq(count == 3),
            ]
        waited, before = Signal(), Signal(self.width)
        m.d.sync += [waited.eq(self.i.valid & ~self.i.ready), before.eq(self.i.payload)]
        with m.If(waited & (~self.i.valid | (self.i.payload != before))):
            m.d.sync += self.offences.eq(self.offences + 1)
        for bus in (self.bus, self.other_bus):
            words = Array(Signal(32, name=f"word_{n}") for n in range(16))
            with m.If(bus.w_stb):
                m.d.sync += words[bus.address].eq(bus.w_data)
            m.d.sync += bus.r_data.eq(words[bus.address])
        return m


class Loop(wiring.Component):
    """Gives four bits for one, each made of the one below: a vector, but no bit, feeds itself."""

    i: In(stream.Signature(1))
    o: Out(stream.Signature(4))

    def elaborate(self, platform):
        m = Module()
        bits, chain = Signal(4), Signal(4)
        held, full = Signal(), Signal()
        m.d.comb += [
            chain.eq(Cat(held, bits[:3])),
            bits.eq(chain ^ 0b1010),
            self.o.payload.eq(bits),
            self.o.valid.eq(full),
            self.i.ready.eq(~full | self.o.ready),
        ]
        with m.If(self.i.ready):
            m.d.sync += [full.eq(self.i.valid), held.eq(self.i.payload)]
        return m


class Wires(wiring.Component):
    i: In(1)
    o: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(~self.i)
        return m


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture
def echo(folder):
    return Compiled(Echo(), folder)


@pytest.mark.parametrize("stalls", [(0, 0), (0.6, 0), (0, 0.6), (0.5, 0.5), (0.99, 0.9)])
def test_gives_back_what_it_was_sent(echo, stalls):
    run = echo.run(ITEMS, len(ITEMS), stall_i=stalls[0], stall_o=stalls[1], idle=20)
    np.testing.assert_array_equal(run.items["data"], ITEMS)
    np.testing.assert_array_equal(run.items["last"], np.arange(200) % 4 == 3)
    assert run.sent.count == run.received.count == 200
    assert echo.peek("offences") == 0


def test_without_stalls_an_item_passes_every_cycle(echo):
    run = echo.run(ITEMS, len(ITEMS))
    assert (run.sent.first, run.sent.last, run.sent.gap, run.sent.waits) == (0, 199, 1, 0)
    assert (run.received.first, run.received.last, run.received.gap) == (1, 200, 1)
    assert run.cycles == 201


@pytest.mark.parametrize("side", ["stall_i", "stall_o"])
def test_a_side_pauses_as_often_as_it_is_told(echo, side):
    items = np.zeros(4000, dtype=np.int64)
    assert echo.run(items, len(items), **{side: 0.75}).cycles == pytest.approx(16000, rel=0.1)


def test_the_input_waits_while_the_output_pauses(echo):
    run = echo.run(ITEMS, len(ITEMS), stall_o=0.5)
    assert run.received.waits == pytest.approx(200, rel=0.3)
    assert run.sent.waits == pytest.approx(200, rel=0.3)
    assert run.sent.gap > 2


def test_a_seed_gives_the_same_pauses_again(echo):
    cycles = [echo.run(ITEMS, 200, stall=0.5, seed=seed).cycles for seed in (1, 1, 2, 3)]
    assert cycles[0] == cycles[1]
    assert len(set(cycles)) == 3


def test_both_sides_pause_for_themselves(echo):
    # If both drew the same numbers, the output would never pause while an item is offered.
    run = echo.run(ITEMS, len(ITEMS), stall=0.5)
    assert run.received.waits > 20


def test_what_comes_too_much_is_seen(echo):
    assert len(echo.run(ITEMS, 150, idle=5).items["data"]) == 200
    assert echo.run(ITEMS[:1], 0, idle=5).items["data"].tolist() == [ITEMS[0]]


def test_between_runs_nothing_passes(echo):
    echo.run(ITEMS[:1])
    echo.tick(10)
    assert echo.peek("o__valid") == 1
    assert echo.run(ITEMS[1:2], 2).items["data"].tolist() == ITEMS[:2].tolist()
    echo.tick(10)
    assert echo.peek("o__valid") == 0


def test_a_tap_sees_what_passes(echo):
    run = echo.run(ITEMS, 200, stall=0.4, taps={"i__payload": "taken", "o__payload": "taken"})
    np.testing.assert_array_equal(run.taps["i__payload"], ITEMS)
    assert run.taps["o__payload"]["data"].shape == (200,)


def test_a_bus_is_written_and_read(echo):
    echo.write("bus", [(n, n << 20) for n in range(16)])
    echo.write("other_bus", [(3, 0xFFFF_FFFF)])
    assert [echo.read("bus", n) for n in range(16)] == [n << 20 for n in range(16)]
    assert echo.read("other_bus", 3) == 0xFFFF_FFFF


def test_accesses_come_at_their_cycle_and_in_order(echo):
    accesses = [
        Access(0, "bus", 1, 10),
        Access(0, "bus", 1),  # a cycle later: the bus is taken
        Access(0, "other_bus", 1),
        Access(5, "bus", 1, 20),
        Access(5, "bus", 1, 30),
        Access(6, "bus", 1),  # not before cycle 7
        Access(90, "bus", 1),
    ]
    run = echo.run(ITEMS[:4], 4, accesses=accesses)
    assert run.reads == [10, 0, 30, 30]
    assert run.items["data"].tolist() == ITEMS[:4].tolist()
    assert run.cycles == 91


def test_ports_are_poked_and_peeked(echo):
    echo.poke("offset", {"low": 5, "high": -3})
    assert echo.peek("offset") == {"low": 5, "high": -3}
    assert echo.run(np.array([1]), 1).items["data"].tolist() == [6]
    echo.poke("gate", 1)
    assert echo.peek("i__ready") == 0
    echo.poke("gate", 0)
    assert echo.peek("i__ready") == 1


def test_a_reset_starts_over(echo):
    echo.run(ITEMS[:1])
    echo.write("bus", [(2, 7)])
    echo.reset()
    assert echo.peek("o__valid") == 0
    assert echo.read("bus", 2) == 0
    assert echo.run(ITEMS[:4], 4).items["last"].tolist() == [0, 0, 0, 1]


def test_payloads_may_be_wider_than_any_integer(folder):
    words = np.random.default_rng(0).integers(0, 256, (50, 64), dtype=np.uint8)
    wide = Compiled(Echo(512), folder)
    run = wide.run(words, 50, stall=0.3)
    np.testing.assert_array_equal(run.items["data"], words)
    wide.poke("i__payload", 1 << 511 | 5)
    assert wide.peek("i__payload") == 1 << 511 | 5


def test_two_of_a_kind_are_apart(folder):
    one, two = Compiled(Echo(), folder), Compiled(Echo(), folder)
    one.write("bus", [(0, 1)])
    assert (one.read("bus", 0), two.read("bus", 0)) == (1, 0)


def test_a_vector_that_feeds_itself_settles(folder):
    got = Compiled(Loop(), folder).run(np.array([0, 1, 1, 0]), 4).items
    assert got.tolist() == [0b0110, 0b1001, 0b1001, 0b0110]


def test_progress_is_told(echo):
    told = []
    items = np.zeros(300_000, dtype=np.int64)
    echo.run(items, len(items), progress=lambda *counts: told.append(counts))
    assert len(told) >= 4
    assert told == sorted(told)
    assert told[-1] == (300_000, 300_000)


def test_a_run_that_hangs_tells_how_far_it_came(echo):
    with pytest.raises(
        TimeoutError,
        match=r"^nothing has moved for 51 cycles: 10 of 10 items were taken at i, "
        r"10 of 11 came from o$",
    ):
        echo.run(ITEMS[:10], 11, patience=50)
    echo.poke("gate", 1)
    accesses = [Access(n, "bus", 0) for n in (0, 900, 900)]
    with pytest.raises(
        TimeoutError,
        match=r"^nothing has moved for 51 cycles: 0 of 10 items were taken at i, "
        r"2 accesses to a bus are left$",
    ):
        echo.run(ITEMS[:10], accesses=accesses, patience=50)
    # The run after is sound.
    echo.poke("gate", 0)
    echo.reset()
    assert echo.run(ITEMS[:4], 4).items["data"].tolist() == ITEMS[:4].tolist()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"stall": 1.0}, "stall_i must be 0 or more and less than 1, not 1.0"),
        ({"stall_o": -0.1}, "stall_o must be 0 or more and less than 1, not -0.1"),
        (
            {"accesses": [Access(0, "buss", 0)]},
            "bus must be one of bus, other_bus, not 'buss'",
        ),
        (
            {"taps": {"o__payload": "token"}},
            "port must be one of clk, rst, i__payload, i__valid, i__ready, o__payload, o__valid, "
            "o__ready, bus__address, bus__w_stb, bus__w_data, bus__r_data, other_bus__address, "
            "other_bus__w_stb, other_bus__w_data, other_bus__r_data, gate, offset, offences, "
            "taken, not 'token'",
        ),
    ],
)
def test_rejects_what_it_cannot_run(echo, arguments, told):
    with pytest.raises(ValueError) as raised:
        echo.run(ITEMS, 1, **arguments)
    assert str(raised.value) == told


def test_a_second_build_compiles_nothing(folder, monkeypatch):
    before = Compiled(Echo(5), folder)
    assert before.run(ITEMS % 32, 200).received.count == 200

    def refuse(*arguments, **more):
        raise AssertionError("compiled again")

    monkeypatch.setattr(cxxrtl, "_compile", refuse)
    assert Compiled(Echo(5), folder).run(ITEMS % 32, 200).received.count == 200
    with pytest.raises(AssertionError, match=r"^compiled again$"):
        Compiled(Echo(6), folder)
    assert not list(folder.glob(".build-*"))


def test_another_driver_is_compiled_anew(tmp_path, monkeypatch):
    def compile(netlist, ports, compiler, folder):
        (folder / "made").touch()
        return folder / "made"

    monkeypatch.setattr(cxxrtl, "_compile", compile)
    old = cxxrtl.build(Echo(), ["clk"], tmp_path)
    assert cxxrtl.build(Echo(), ["clk"], tmp_path) == old
    assert cxxrtl.build(Echo(5), ["clk"], tmp_path) != old
    assert cxxrtl.build(Echo(), ["clk", "rst"], tmp_path) != old
    driver = tmp_path / "driver.cc"
    driver.write_text(cxxrtl._DRIVER.read_text() + "// changed\n")
    monkeypatch.setattr(cxxrtl, "_DRIVER", driver)
    assert cxxrtl.build(Echo(), ["clk"], tmp_path) != old


def test_two_processes_may_build_the_same_at_once(tmp_path):
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from tilefold_gateware.level import Centre\n"
        "from tilefold_gateware.frame import Framer\n"
        "from tilefold_hw.config import preset\n"
        "from tilefold_sim.compiled import Compiled\n"
        f"Compiled(Framer(preset('tiny'), 8), {str(tmp_path)!r}).reset()\n"
    )
    command = [sys.executable, "-c", code, *sys.path]
    children = [subprocess.Popen(command) for _ in range(2)]
    assert [child.wait() for child in children] == [0, 0]
    assert len(list(tmp_path.iterdir())) == 1


def test_rejects_a_component_without_a_clock(folder):
    with pytest.raises(ValueError, match=r"^component must be clocked, not combinational alone$"):
        Compiled(Wires(), folder)


def test_says_that_there_is_no_compiler(folder, monkeypatch):
    monkeypatch.setattr(cxxrtl.shutil, "which", lambda name: None)
    with pytest.raises(
        FileNotFoundError, match=r"^a C\+\+ compiler is needed, such as g\+\+, and none was found$"
    ):
        Compiled(Echo(), folder)


def test_says_what_the_compiler_said(tmp_path, monkeypatch):
    driver = tmp_path / "driver.cc"
    driver.write_text('#error "no driver"\n')
    monkeypatch.setattr(cxxrtl, "_DRIVER", driver)
    with pytest.raises(RuntimeError, match=r"(?s) failed:\n.*no driver"):
        Compiled(Echo(), tmp_path)
