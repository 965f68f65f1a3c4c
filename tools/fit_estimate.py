"""Fit the coefficients of tilefold_hw.estimate to circuits that are synthesised for it.

Usage: python tools/fit_estimate.py [--jobs N] [--scheduler ADDRESS] [--block BLOCK]...

The circuits of tools/estimate.toml are packed for an ECP5, those that the journal lacks. A quarter
of them is kept out of the fit, and tells the error. Cost is a sum of features with factors that are
not negative, so that no configuration can cost less than nothing; what is made least is the sum of
the squares of the errors, each by the size of its circuit.
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
from scipy.optimize import nnls

from tilefold_boards.files import write_json
from tilefold_boards.measure import versions
from tilefold_boards.measurement import Measurement
from tilefold_boards.parts import part
from tilefold_boards.sweep.run import run
from tilefold_boards.sweep.space import load
from tilefold_boards.sweep.work import measurements
from tilefold_hw.estimate import MODELS, RESOURCES, raw

ROOT = Path(__file__).parents[1]
OUT = ROOT / "hw" / "tilefold_hw" / "estimate.json"

# Below this, an error of a few cells is no error of note.
SMALLEST = 20

# Factors that round to nothing in the largest circuits.
NOTHING = 1e-6


def split(circuits: Sequence[Measurement]) -> tuple[list[Measurement], list[Measurement]]:
    """Part those that are fitted from those that only tell the error: a quarter, scattered."""

    def shuffled(each: Measurement) -> bytes:
        return hashlib.sha256(str(each.case.config).encode()).digest()

    ordered = sorted(circuits, key=shuffled)
    quarter = -(-len(ordered) // 4)
    return ordered[quarter:], ordered[:quarter]


def fit(block: str, circuits: Sequence[Measurement], blocks: dict) -> dict:
    """Return the factors of *block* for every resource; those of its parts are in *blocks*."""
    model = MODELS[block]
    names = list(model.features)
    matrix = np.array(
        [[float(model.features[name](each.case.config)) for name in names] for each in circuits]
    )
    factors = {}
    for resource in RESOURCES:
        there = np.array([getattr(each, resource) for each in circuits], dtype=float)
        parts = np.array(
            [
                sum(raw(part, each.case.config, blocks)[resource] for part in model.parts)
                for each in circuits
            ]
        )
        weight = 1 / np.maximum(there, SMALLEST if resource in RESOURCES[:2] else 1)
        # Columns of one size, so that no feature is preferred for its unit.
        size = np.maximum(np.abs(matrix).max(axis=0), 1)
        found, _ = nnls(matrix / size * weight[:, None], (there - parts) * weight)
        factors[resource] = {
            name: float(f"{factor:.5g}")
            for name, factor in zip(names, found / size, strict=True)
            if factor > NOTHING
        }
    return factors


def errors(block: str, circuits: Sequence[Measurement], blocks: dict) -> dict:
    """Return how far off the estimate is: relative for tables, absolute for blocks."""
    found = {}
    for resource in RESOURCES:
        off = []
        for each in circuits:
            there = getattr(each, resource)
            off.append(abs(raw(block, each.case.config, blocks)[resource] - there))
            if resource in RESOURCES[:2]:
                off[-1] /= max(there, SMALLEST)
            else:
                off[-1] = round(off[-1])
        found[resource] = {"median": round(median(off), 4), "max": round(max(off), 4)}
    return found


def main() -> None:
    """Run, as the usage says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--journal", type=Path, default=ROOT / "build/estimate/journal.jsonl")
    parser.add_argument("--space", type=Path, default=ROOT / "tools" / "estimate.toml")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--scheduler")
    parser.add_argument("--block", action="append", choices=MODELS, help="only measure this")
    chosen = parser.parse_args()
    points = load(chosen.space).points
    wanted = [point for point in points if not chosen.block or point.block in chosen.block]

    def hear(done: int, total: int, what: str) -> None:
        print(f"{done} of {total} {what}", file=sys.stderr)

    rows = run(wanted, chosen.journal, jobs=chosen.jobs, scheduler=chosen.scheduler, hear=hear)
    for row in rows:
        if "error" in row:
            print(f"left out: {row['point']}: {row['error']}", file=sys.stderr)
    if chosen.block:
        return

    circuits = measurements(rows)
    blocks: dict[str, dict] = {}
    for block in MODELS:
        mine = [each for each in circuits if each.case.name == block]
        fitted, rest = split(mine)
        if not fitted or not rest:
            sys.exit(f"too few circuits of block {block!r}")
        blocks[block] = {"factors": {}}
        blocks[block]["factors"] = fit(block, fitted, blocks)
        blocks[block] |= {
            "circuits": {"fitted": len(fitted), "kept_out": len(rest)},
            "errors": errors(block, rest, blocks),
        }
        print(block, blocks[block]["circuits"], blocks[block]["errors"])
    where = part(points[0].part)
    write_json(OUT, {"part": where.title, "tools": versions(where), "blocks": blocks})
    print(f"{OUT.relative_to(ROOT)}: written")


if __name__ == "__main__":
    main()
