"""The driver for bare metal: C99 that does not depend on the core."""

from importlib.resources import files

NAMES = ("tilefold.h", "tilefold.c")
"""Files of the driver."""


def driver_files() -> dict[str, str]:
    """Read the driver's files, by name."""
    folder = files(__package__) / "c"
    return {name: (folder / name).read_text(encoding="utf-8") for name in NAMES}
