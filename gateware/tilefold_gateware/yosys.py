"""Yosys: circuits to other languages.

The Yosys that comes with Amaranth is used, or one on ``PATH`` if it is recent enough.
``AMARANTH_USE_YOSYS`` chooses, as everywhere in Amaranth.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from amaranth._toolchain.yosys import find_yosys
from amaranth.back import rtlil

TOP = "top"
"""Name of the top module, where nobody will read it."""

_OLDEST = (0, 40)  # what Amaranth's own Verilog needs


def to_rtlil(component: Any, name: str = TOP, platform: Any = None) -> str:
    """Elaborate *component* as the module *name*, without the places in the source it came from.

    *platform* is what every ``elaborate`` is given; its ``device`` decides on primitives. Without
    one, there are none.
    """
    with _uncollected():
        return rtlil.convert(component, name=name, platform=platform, emit_src=False)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Leave garbage where it is: a netlist is millions of objects, which are looked at for nothing.

    That would be a third of the time.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def translate(text: str, *commands: str) -> str:
    """Run *commands* on a netlist in RTLIL, and return what the last one writes.

    The first run on a machine compiles Yosys itself, which takes ten seconds.
    """
    script = [f"read_rtlil <<rtlil\n{text}\nrtlil", *commands]
    # What Yosys warns of here is of no concern: that loops are settled by iterating, and that some
    # processes can't be written, which Amaranth never makes.
    return _yosys().run(["-q", "-"], "\n".join(script), ignore_warnings=True)


def version() -> str:
    """Version of the Yosys that is used."""
    return ".".join(map(str, _yosys().version()))


def headers() -> Path:
    """Folder of the headers that CXXRTL's C++ includes."""
    return Path(str(_yosys().data_dir())) / "include" / "backends" / "cxxrtl" / "runtime"


def _yosys() -> Any:
    return find_yosys(lambda found: found >= _OLDEST)
