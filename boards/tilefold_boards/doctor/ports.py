"""Serial ports: which there are, and whether we may open them."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from .checks import Check

_PATTERNS = ("ttyUSB*", "ttyACM*", "cu.usb*")


def ports(folder: Path = Path("/dev")) -> Iterator[Check]:
    """Look for the ports of boards. That there is none is no fault: a board may be elsewhere."""
    found = sorted(path for pattern in _PATTERNS for path in folder.glob(pattern))
    if not found:
        yield Check("serial port", "", "connect a board", needed=False)
    for path in found:
        if os.access(path, os.R_OK | os.W_OK):
            yield Check("serial port", str(path))
        else:
            yield Check("serial port", f"{path}, which we may not open", _fix(path))


def _fix(path: Path) -> str:
    if sys.platform != "linux":
        return f"give yourself the right to read and write {path}"
    import grp

    group = grp.getgrgid(path.stat().st_gid).gr_name
    return f"sudo usermod -aG {group} $USER, then log in again"
