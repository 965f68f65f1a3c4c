"""The package: all files of a core, made in memory, then written at once."""

import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tilefold_hw.core import CoreConfig

from .bench import bench
from .driver import driver_files
from .fusesoc import description
from .lint import waivers
from .readme import readme
from .registers.files import register_files
from .source import source
from .testbench import hex_files, testbench
from .vectors import vectors

MARK = "tilefold.toml"
"""File by which a folder is known as one that was generated, and may be generated again."""


def files(core: CoreConfig) -> dict[str, str]:
    """Make all files of a core, by path. The same core gives the same bytes."""
    name = core.module
    # Most of the time is Yosys's, which is a process of its own.
    with ThreadPoolExecutor(1) as pool:
        verilog = pool.submit(source, core)
        others = _beside(core)
        return {f"{name}.v": verilog.result(), **others}


def _beside(core: CoreConfig) -> dict[str, str]:
    """Make all files but the core itself."""
    name, played = core.module, vectors(core)
    return {
        f"tb_{name}.v": testbench(core, played),
        f"test_{name}.py": bench(core, played),
        **{f"vectors/{path}": text for path, text in hex_files(core, played).items()},
        **{f"registers/{path}": text for path, text in register_files(core).items()},
        **{f"driver/{path}": text for path, text in driver_files().items()},
        f"{name}.vlt": waivers(core),
        f"{name}.core": description(core),
        "README.md": readme(core),
        MARK: core.codec.to_toml(),
    }


def write(core: CoreConfig, folder: Path) -> list[Path]:
    """Write all files of a core to *folder*: all of them, or none.

    A folder that is there must be empty, or one that was generated: it is replaced.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    folder = Path(folder)
    if not folder.absolute().parent.is_dir():
        raise ValueError(f"output must be in a folder that is there, not {str(folder.parent)!r}")
    there = folder.exists()
    if there and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / MARK).is_file())):
        raise ValueError(
            f"output must be a new folder, or one that was generated, not {str(folder)!r}"
        )
    made = files(core)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.absolute().parent))
    try:
        for path, text in made.items():
            place = part / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8", newline="\n")
        part.chmod(0o755)
        if there:
            shutil.rmtree(folder)
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return [folder / path for path in made]
