"""The structs and functions of ``driver.cc``, where each is explained."""

import ctypes
from ctypes import POINTER, c_int, c_int32, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

FINISHED, RUNNING, STUCK = range(3)


TRANSFERS = ("count", "first", "last", "gap", "waits")


class Passed(ctypes.Structure):
    """Transfers of a stream."""

    _fields_ = [(name, c_uint64) for name in TRANSFERS]


class Side(ctypes.Structure):
    """One side of the component."""

    _fields_ = [
        ("valid", c_int32),
        ("ready", c_int32),
        ("payload", c_int32),
        ("chunks", c_uint32),
        ("stall", c_uint64),
        ("random", c_uint64),
        ("passed", Passed),
    ]


class Bus(ctypes.Structure):
    """Ports of a bus."""

    _fields_ = [
        ("address", c_int32),
        ("w_stb", c_int32),
        ("w_data", c_int32),
        ("r_data", c_int32),
    ]


class Access(ctypes.Structure):
    """Access to a bus."""

    _fields_ = [
        ("cycle", c_uint64),
        ("bus", c_uint32),
        ("address", c_uint32),
        ("data", c_uint32),
        ("write", c_uint32),
    ]


class Tap(ctypes.Structure):
    """Port that is collected."""

    _fields_ = [("strobe", c_int32), ("payload", c_int32), ("chunks", c_uint32)]


class Run(ctypes.Structure):
    """What to do, and how far it is done."""

    _fields_ = [
        ("i", Side),
        ("o", Side),
        ("items", c_void_p),
        *((name, c_uint64) for name in ("count", "expected", "idle", "patience")),
        ("buses", POINTER(Bus)),
        ("accesses", POINTER(Access)),
        ("access_count", c_uint64),
        ("taps", POINTER(Tap)),
        ("tap_count", c_uint64),
        *((name, c_uint64) for name in ("cycles", "moved", "accessed", "idled")),
        ("offering", c_uint32),
    ]


def load(path: Path) -> Any:
    """Load a compiled component; its functions are ``tilefold_…``."""
    library = ctypes.CDLL(str(path))
    chunks = POINTER(c_uint32)
    simulation, size = c_void_p, POINTER(c_uint64)
    for name, result, arguments in (
        ("open", c_void_p, []),
        ("close", None, [simulation]),
        ("port", chunks, [simulation, c_uint32]),
        ("settle", None, [simulation]),
        ("tick", None, [simulation, c_uint64]),
        ("advance", c_int, [simulation, POINTER(Run), c_uint64]),
        ("end", None, [simulation, POINTER(Run)]),
        ("received", chunks, [simulation, size]),
        ("tapped", chunks, [simulation, c_uint64, size]),
    ):
        function = getattr(library, f"tilefold_{name}")
        function.restype, function.argtypes = result, arguments
    return library
