"""Benches: what encoder, decoder and codec promise, tried on any simulator.

A bench is a module of scenarios: functions that take a rig and a random generator, and raise if a
promise is broken. None knows which simulator it runs on.
"""

from collections.abc import Callable
from importlib import import_module
from inspect import getmembers, isfunction
from typing import Any

BENCHES = ("encoder", "decoder", "codec")
"""Names of all benches; the bench of ``encoder`` is :mod:`.bench_encoder`."""

SIMULATORS = ("cxxrtl", "verilator", "icarus")
"""The first is compiled and runs in this process; the others run the Verilog, under cocotb."""

BENCH, CONFIG, SEED = "TILEFOLD_BENCH", "TILEFOLD_CONFIG", "TILEFOLD_SEED"
"""Environment of a simulator: name of the bench, its configuration in TOML, and its seed."""

Scenario = Callable[..., None]


def bench(name: str) -> Any:
    """Return the module of the bench called *name*."""
    if name not in BENCHES:
        raise ValueError(f"bench must be one of {', '.join(BENCHES)}, not {name!r}")
    return import_module(f".bench_{name}", __name__)


def scenarios(module: Any) -> dict[str, Scenario]:
    """Scenarios of a bench, in the order in which they are written."""
    own = [
        (function.__code__.co_firstlineno, name, function)
        for name, function in getmembers(module, isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    ]
    return {name: function for _, name, function in sorted(own, key=lambda each: each[0])}
