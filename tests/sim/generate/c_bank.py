"""The driver as Python calls it, and a model of the registers of one side, for it to drive."""

import ctypes

from c_compiler import C99, compiled, place_driver

from tilefold_hw.regs import BUSY, CLEAR, COMMIT, CONFIGURED, PENDING, REFUSED, Access

OK, WRONG_ID, WRONG_VERSION, WRONG_SIDE, WRONG_DIGEST, IS_BUSY, IS_REFUSED = range(7)


class Bus(ctypes.Structure):
    READ = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32)
    WRITE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32)
    _fields_ = (("read", READ), ("write", WRITE), ("context", ctypes.c_void_p))


class Side(ctypes.Structure):
    _fields_ = (("bus", Bus), ("base", ctypes.c_uint32))


class Write(ctypes.Structure):
    _fields_ = (("offset", ctypes.c_uint32), ("value", ctypes.c_uint32))


class Settings(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_uint32),
        ("digest", ctypes.c_uint32),
        ("writes", ctypes.POINTER(Write)),
        ("count", ctypes.c_size_t),
    )


class Layer(ctypes.Structure):
    NUMBERS = ("groups", "words", "tile", "channels_in", "channels", "channels_out")
    _fields_ = (
        ("name", ctypes.c_char_p),
        *((name, ctypes.c_uint32) for name in NUMBERS),
        ("encoder", Settings),
        ("decoder", Settings),
        ("projector", Settings),
    )


class Counters(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("tiles", "words", "stalls", "limited"))


class Errors(ctypes.Structure):
    _fields_ = (("refused", ctypes.c_bool), ("framing", ctypes.c_bool))


def library(folder, *sources):
    """Compile the driver, and *sources* with it, and load it."""
    place_driver(folder)
    made = ("-fPIC", "-shared", "tilefold.c", *sources, "-o", "driver.so")
    compiled(C99, folder, *made)
    loaded = ctypes.CDLL(str(folder / "driver.so"))
    side = ctypes.POINTER(Side)
    for name, result, *arguments in (
        ("mmio", Bus, ctypes.c_void_p),
        ("describe", ctypes.c_char_p, ctypes.c_int),
        ("identify", ctypes.c_int, side, ctypes.c_uint32, ctypes.c_uint32),
        ("load", ctypes.c_int, side, ctypes.POINTER(Settings), ctypes.c_uint32),
        ("read_counters", Counters, side),
        ("read_errors", Errors, side),
        ("clear", None, side),
    ):
        function = getattr(loaded, f"tilefold_{name}")
        function.restype, function.argtypes = result, arguments
    return loaded


def settings_of(window, writes, **changes):
    """Settings of *window* that hold writes of word addresses, without the commit at the end."""
    rows = [Write(4 * address, value) for address, value in writes[:-1]]
    known = {name: window.regs.register(name).reset for name in ("version", "digest")} | changes
    return Settings(known["version"], known["digest"], (Write * len(rows))(*rows), len(rows))


class Bank:
    """Registers of one side, as :mod:`tilefold_hw.regs` tells them, at a base of a core.

    ``values`` are what is read of registers that only the hardware changes. ``busy`` is the number
    of reads of the status for which it is busy, and ``torn`` the number of the write at which it
    becomes so by another hand, until the status is read.
    """

    def __init__(self, window, base=None):
        self.regs = window.regs
        self.base = window.base if base is None else base
        self.names = {4 * reg.address: reg for reg in self.regs.registers}
        self.values = {reg.name: reg.reset for reg in self.regs.registers}
        self.shadow, self.active = {}, None
        self.errors = self.status = self.busy = self.looks = 0
        self.torn = None
        #: Word addresses and values, in the order in which they came, and those that were taken.
        self.written, self.taken = [], []
        self.strays = []
        # Held here, as the driver holds their addresses alone.
        self._bus = Bus(Bus.READ(self._read), Bus.WRITE(self._write), None)
        self.side = Side(self._bus, self.base)

    def _read(self, context, offset):
        reg = self.names.get(offset - self.base)
        if reg is None:
            self.strays.append(offset)
            return 0
        if reg.name == "status":
            self.looks += 1
            is_busy = self.busy > 0
            self.busy = max(0, self.busy - 1)
            return self.status | (BUSY if is_busy else 0)
        return self.errors if reg.name == "errors" else self.values[reg.name]

    def _write(self, context, offset, value):
        offset -= self.base
        if len(self.written) == self.torn:
            self.busy = 1
        self.written.append((offset // 4, value))
        reg = self.names.get(offset)
        if offset % 4 or not (reg or self._memory(offset // 4)):
            self.strays.append(offset)
        elif reg and reg.name == "control":
            if value & CLEAR:
                for each in self.regs.registers:
                    if each.name.endswith("_count"):
                        self.values[each.name] = 0
            if value & COMMIT:
                self._commit()
        elif reg and reg.access is Access.W1C:
            self.errors &= ~value
        elif reg and reg.access is not Access.SHADOW:
            self.strays.append(offset)
        elif self.busy:
            self.errors |= REFUSED
        else:
            self.taken.append((offset // 4, value))
            self.shadow[offset // 4] = value

    def _commit(self):
        if self.busy or self.errors & REFUSED:
            self.errors |= REFUSED
        else:
            self.active, self.shadow = self.shadow, {}
            self.status |= PENDING | CONFIGURED
            self.busy = 1

    def _memory(self, address):
        return any(m.address <= address < m.address + m.depth for m in self.regs.memories)
