"""The driver in C on a model of a core's registers: what it writes, and what it finds out."""

import ctypes
import subprocess
from random import Random

import pytest
from c_bank import (
    IS_BUSY,
    IS_REFUSED,
    OK,
    WRONG_DIGEST,
    WRONG_ID,
    WRONG_SIDE,
    WRONG_VERSION,
    Bank,
    Side,
    library,
    settings_of,
)
from c_compiler import C99, CPP, compiled, place_driver

from tilefold_hw.config import CodecConfig
from tilefold_hw.core import CoreConfig
from tilefold_hw.layer import Layer
from tilefold_hw.regs import CLEAR, COMMIT, FRAMING, REFUSED
from tilefold_hw.table import uniform
from tilefold_hw.writes import decoder_writes, encoder_writes

CORE = CoreConfig(CodecConfig(channels=8, tables=4))
LAYER = Layer(6, (uniform(8, 8, 3), uniform(8, 3, 5)), (0, 1, 0))
WRITES = {
    "encoder": list(encoder_writes(CORE.codec, LAYER)),
    "decoder": list(decoder_writes(CORE.codec, LAYER)),
}
WINDOWS = {window.side: window for window in CORE.windows}
CONTROL, ERRORS = (WINDOWS["encoder"].regs.register(name).address for name in ("control", "errors"))

every_side = pytest.mark.parametrize("side", WINDOWS)


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    return library(tmp_path_factory.mktemp("driver"))


@pytest.fixture
def load(driver):
    """Load the layer of *side* into *bank*."""

    def run(bank, side="encoder", polls=1, **changes):
        settings = settings_of(WINDOWS[side], WRITES[side], **changes)
        result = driver.tilefold_load(bank.side, settings, polls)
        assert not bank.strays
        return result

    return run


@pytest.mark.parametrize("command", [C99, CPP], ids=["C", "C++"])
def test_no_compiler_warns(command, tmp_path):
    place_driver(tmp_path)
    compiled(command, tmp_path, "-c", "tilefold.c", "-o", "driver.o")


def test_needs_no_library(tmp_path):
    place_driver(tmp_path)
    compiled(C99, tmp_path, "-ffreestanding", "-Os", "-c", "tilefold.c", "-o", "driver.o")
    told = subprocess.run(
        ["nm", "--undefined-only", "driver.o"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(told.stdout.split()) <= {"U", "_GLOBAL_OFFSET_TABLE_"}


@every_side
def test_writes_a_layer_and_commits_it_last(load, side):
    bank = Bank(WINDOWS[side])
    assert load(bank, side) == OK
    assert bank.written == WRITES[side]
    assert bank.active == dict(WRITES[side][:-1])


def test_a_side_may_lie_anywhere(load):
    bank = Bank(WINDOWS["decoder"], base=0xFFFF_0000)
    assert load(bank, "decoder") == OK
    assert bank.written == WRITES["decoder"]


def test_waits_until_there_is_room(load):
    bank = Bank(WINDOWS["encoder"])
    bank.busy = 9
    assert load(bank, polls=10) == OK
    assert bank.looks == 10
    assert bank.written == WRITES["encoder"]


@pytest.mark.parametrize(("polls", "looks"), [(0, 1), (1, 1), (9, 9)])
def test_gives_up_after_so_many_looks(load, polls, looks):
    bank = Bank(WINDOWS["encoder"])
    bank.busy = 100
    assert load(bank, polls=polls) == IS_BUSY
    assert bank.looks == looks
    assert not bank.written


def test_a_layer_after_another_waits_for_its_packet(load):
    bank = Bank(WINDOWS["encoder"])
    assert load(bank) == OK
    assert load(bank) == IS_BUSY
    assert load(bank) == OK
    assert bank.written == 2 * WRITES["encoder"]


@pytest.mark.parametrize("torn", [0, 1, 7, len(WRITES["encoder"]) - 2])
def test_half_a_layer_is_never_committed(load, torn):
    bank = Bank(WINDOWS["encoder"])
    bank.torn, bank.errors = torn, FRAMING
    assert load(bank) == IS_REFUSED
    assert bank.active is None
    assert bank.written == [*WRITES["encoder"][:-1], (ERRORS, REFUSED)]
    assert bank.errors == FRAMING
    bank.torn, bank.busy, bank.written = None, 0, []
    assert load(bank) == OK
    assert bank.written == WRITES["encoder"]
    assert bank.active == dict(WRITES["encoder"][:-1])


def test_a_commit_that_is_refused_is_told_and_cleared(load):
    bank = Bank(WINDOWS["encoder"])
    bank.torn, bank.errors = len(WRITES["encoder"]) - 1, FRAMING
    assert load(bank) == IS_REFUSED
    assert bank.active is None
    assert bank.written == [*WRITES["encoder"], (ERRORS, REFUSED)]
    assert bank.errors == FRAMING


def test_what_was_refused_before_does_not_spoil_a_whole_layer(load):
    bank = Bank(WINDOWS["encoder"])
    bank.errors = REFUSED | FRAMING
    assert load(bank) == OK
    assert bank.written == [(ERRORS, REFUSED), *WRITES["encoder"]]
    assert bank.active == dict(WRITES["encoder"][:-1])
    assert bank.errors == FRAMING


STRANGERS = {
    "id": ({"id": 0}, WRONG_ID),
    "nobody": ({"id": 0xFFFF_FFFF, "version": 0xFFFF_FFFF, "digest": 0xFFFF_FFFF}, WRONG_ID),
    "version": ({"version": 0x0002_0E00}, WRONG_VERSION),
    "side": ({"version": 0x0001_0D00}, WRONG_SIDE),
    "digest": ({"digest": 0x1234_5678}, WRONG_DIGEST),
}


@pytest.mark.parametrize(("values", "result"), STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_is_found_out_and_left_alone(driver, load, values, result):
    bank = Bank(WINDOWS["encoder"])
    bank.values |= values
    settings = settings_of(WINDOWS["encoder"], WRITES["encoder"])
    assert driver.tilefold_identify(bank.side, settings.version, settings.digest) == result
    assert load(bank) == result
    assert not bank.written


@every_side
def test_knows_what_it_is_for(driver, side):
    bank = Bank(WINDOWS[side])
    known = [WINDOWS[side].regs.register(name).reset for name in ("version", "digest")]
    assert driver.tilefold_identify(bank.side, *known) == OK


def test_settings_of_the_other_side_are_refused(load):
    bank = Bank(WINDOWS["encoder"])
    assert load(bank, "decoder") == WRONG_SIDE
    assert load(bank, version=0) == WRONG_VERSION
    assert not bank.written


@every_side
def test_reads_the_counters(driver, side):
    bank, random = Bank(WINDOWS[side]), Random(0)
    names = ["tiles", "words", "stalls", "saturated" if side == "encoder" else "clipped"]
    counts = [random.getrandbits(32) for _ in names]
    bank.values |= {f"{name}_count": count for name, count in zip(names, counts, strict=True)}
    told = driver.tilefold_read_counters(bank.side)
    assert [told.tiles, told.words, told.stalls, told.limited] == counts
    assert not bank.written
    assert not bank.strays


@pytest.mark.parametrize("errors", range(4))
def test_reads_and_clears_errors(driver, errors):
    bank = Bank(WINDOWS["encoder"])
    bank.errors, bank.values["tiles_count"] = errors, 5
    told = driver.tilefold_read_errors(bank.side)
    assert (told.refused, told.framing) == (bool(errors & REFUSED), bool(errors & FRAMING))
    assert not bank.written
    driver.tilefold_clear(bank.side)
    assert bank.errors == 0
    assert bank.values["tiles_count"] == 0
    assert bank.written == [(CONTROL, CLEAR), (ERRORS, errors)]


def test_registers_can_be_memory(driver):
    space = (ctypes.c_uint32 * 0x800)()
    window = WINDOWS["decoder"]
    place = window.base // 4
    for reg in window.regs.registers:
        space[place + reg.address] = reg.reset
    side = Side(driver.tilefold_mmio(ctypes.addressof(space)), window.base)
    assert driver.tilefold_load(side, settings_of(window, WRITES["decoder"]), 1) == OK
    for address, value in WRITES["decoder"]:
        assert space[place + address] == value
    assert space[place + CONTROL] == COMMIT
    untouched = {address for address, _ in WRITES["decoder"]}
    untouched |= {reg.address for reg in window.regs.registers}
    assert not any(value for n, value in enumerate(space) if n - place not in untouched)


def test_each_result_has_a_sentence_of_its_own(driver):
    told = [driver.tilefold_describe(result) for result in range(8)]
    assert len(set(told)) == 8
    assert told[IS_BUSY] == b"the core is still busy with packets of the layers before"
    assert told[7] == b"no result of this driver"
