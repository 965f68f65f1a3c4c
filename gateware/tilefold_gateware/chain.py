"""Boxes in a row."""

from itertools import pairwise

from amaranth.hdl import Module
from amaranth.lib.wiring import Component, connect


def chain(m: Module, *, i=None, o=None, **stages: Component) -> None:
    """Add *stages* to *m*, connect them in order, and the streams *i* and *o* at the ends.

    Each stage has streams ``i`` and ``o``; its keyword becomes its name in the netlist.
    """
    for name, stage in stages.items():
        m.submodules[name] = stage
    for upstream, downstream in pairwise(stages.values()):
        connect(m, upstream.o, downstream.i)
    first, *_, last = stages.values()
    if i is not None:
        connect(m, i, first.i)
    if o is not None:
        connect(m, last.o, o)
