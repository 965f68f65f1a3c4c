"""Building: from a board and a configuration to the bitstream, the report and the configuration."""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tilefold_hw.device import DeviceConfig

from ..files import write, write_json
from ..harness import widen
from ..synthesis import Netlist, Rtlil, synthesise, to_json
from ..tools import FlowError, find_packer
from .board import Board
from .design import TOP, Design, Make, design
from .flow import flow
from .place import Placed, best, place
from .report import report

Hear = Callable[[str, str], None]
"""Is told what runs, and each line that it says."""

Done = Callable[[str], None]
"""Is told what has ended."""


def _quiet(*heard: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Build:
    """What was built: three files, side by side."""

    bitstream: Path
    report: Path
    config: Path


def paths(board: Board, folder: Path) -> Build:
    """Return where a build of *board* into *folder* is."""
    return Build(
        bitstream=folder / f"{board.name}.{flow(board.part.family).suffix}",
        report=folder / f"{board.name}.json",
        config=folder / f"{board.name}.toml",
    )


def build(
    board: Board,
    config: DeviceConfig,
    make: Make,
    folder: Path,
    *,
    seeds: Sequence[int] = (1,),
    jobs: int | None = None,
    hear: Hear = _quiet,
    done: Done = _quiet,
) -> Build:
    """Build what *make* makes of *config* for *board*, into *folder*.

    Each of *seeds* is placed, *jobs* at a time (one a core), and the fastest is kept. Logs stay in
    ``logs``, below *folder*; all else that was there before stays unless the build succeeds.

    Raises
    ------
    ValueError
        The board can't have the clock, or the link's rate.
    FlowError
        A program failed, or the clock is not met.
    """
    elaborated = design(board, config, make)
    folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".build-", dir=folder))
    logs = folder / "logs"
    try:
        netlist = _synthesise(elaborated, work, hear, done)
        placed = _place(elaborated, to_json(netlist, TOP), work, seeds, jobs, hear, done)
        chosen = best(placed, elaborated)
        packed = _pack(board, chosen, work, hear, done)
        built = paths(board, folder)
        mapped = Counter(cell["type"] for cell in netlist["cells"].values())
        told = report(elaborated, mapped, placed, chosen, packed.read_bytes(), built.bitstream.name)
        # The report comes last: it names the bitstream by its digest.
        os.replace(packed, built.bitstream)
        write(built.config, elaborated.config.to_toml())
        write_json(built.report, told)
        return built
    except FlowError as error:
        raise FlowError(str(error).replace(str(work), str(logs))) from error
    finally:
        logs.mkdir(exist_ok=True)
        for log in work.glob("*.log"):
            os.replace(log, logs / log.name)
        shutil.rmtree(work)


def _synthesise(design: Design, folder: Path, hear: Hear, done: Done) -> Netlist:
    what = f"{design.board.name}: synthesis"
    hear(what, "")
    part = design.board.part
    source = Rtlil(design.text, TOP)
    module = synthesise(source, part, folder, lambda line: hear(what, line))
    if part.family.widen:
        module["cells"] = {name: widen(cell) for name, cell in module["cells"].items()}
    done(what)
    return module


def _place(
    design: Design,
    netlist: str,
    folder: Path,
    seeds: Sequence[int],
    jobs: int | None,
    hear: Hear,
    done: Done,
) -> list[Placed]:
    def run(seed: int) -> Placed:
        what = f"{design.board.name}: seed {seed}"
        hear(what, "")
        placed = place(design, netlist, folder, seed, partial(hear, what))
        done(what)
        return placed

    with ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        started = [pool.submit(run, seed) for seed in seeds]
        try:
            return [each.result() for each in started]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _pack(board: Board, placed: Placed, folder: Path, hear: Hear, done: Done) -> Path:
    what = f"{board.name}: packing"
    hear(what, "")
    how = flow(board.part.family)
    names = {"routed": placed.file, "bitstream": "bitstream", "device": board.part.device}
    arguments = [*board.packing, *(option.format(**names) for option in how.pack)]
    find_packer(how.packer).run(arguments, folder, "packing.log", partial(hear, what))
    packed = folder / names["bitstream"]
    if not packed.is_file() or not packed.stat().st_size:
        raise FlowError(f"{how.packer} wrote no bitstream ({folder / 'packing.log'})")
    done(what)
    return packed
