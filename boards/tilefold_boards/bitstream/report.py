"""The report of a build: what is in the bitstream, how fast it may run, and what made it."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from ..tools import find
from .design import Design
from .place import Placed

FORMAT = 1
"""Version of the form of :func:`report`."""


def report(
    design: Design,
    mapped: Mapping[str, int],
    placed: Sequence[Placed],
    chosen: Placed,
    bitstream: bytes,
    name: str,
) -> dict[str, Any]:
    """Return all that is told of a build, for JSON.

    Parameters
    ----------
    design : Design
        What was built.
    mapped : mapping of str to int
        Cells after synthesis, by type.
    placed : sequence of Placed
        All seeds.
    chosen : Placed
        The one in the bitstream.
    bitstream : bytes
        What was packed.
    name : str
        Its file, beside the report.
    """
    board, config, pll, routed = design.board, design.config, design.pll, chosen.routed
    family = board.part.family
    cells = routed.cells
    luts = sum(mapped.get(cell, 0) for cell in family.mapped_luts)
    luts += sum(n * cells.get(cell, 0) for cell, n in family.luts.items())
    used = (luts, *(sum(cells.get(cell, 0) for cell in of) for of in (family.dsps, family.brams)))
    return {
        "format": FORMAT,
        "board": board.name,
        "device": board.part.device,
        "bitstream": {"file": name, "sha256": sha256(bitstream).hexdigest()},
        "codec": config.codec.digest,
        "clock": {
            "oscillator_hz": board.oscillator_hz,
            "clock_hz": config.clock_hz,
            "pll": pll
            and {
                "primitive": pll.kind.primitive,
                "reference": pll.reference,
                "feedback": pll.feedback,
                "output": pll.output,
            },
        },
        "link": {"baud": config.baud, "divisor": config.divisor, "over": board.link},
        "timing": {
            "clock_mhz": config.clock_hz / 1e6,
            "fmax_mhz": routed.fmax_mhz,
            "seed": routed.seed,
            "seeds": {str(each.routed.seed): each.routed.fmax_mhz for each in placed},
            "critical_path": routed.path and routed.path.words,
        },
        "resources": {
            kind: {"used": n, "available": most}
            for kind, n, most in zip(
                ("luts", "multipliers", "memories"), used, board.resources, strict=True
            )
        },
        "cells": {
            cell: {"used": n, "available": chosen.available[cell]} for cell, n in cells.items()
        },
        "tools": {tool: find(tool).version for tool in ("yosys", family.router)},
    }
