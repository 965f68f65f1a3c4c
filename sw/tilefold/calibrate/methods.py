"""Methods by name: all take a study and a budget, and end in the tables of the hardware."""

from collections.abc import Callable, Mapping

from ..bundle import Site
from .allocate import allocate
from .fisher_mask import fisher_mask
from .learned_mask import learned_mask
from .mask import direct, energy, topk
from .progress import Progress
from .study import Study

Method = Callable[[Study, float, Progress], tuple[Site, ...]]
"""Takes a study, guaranteed bits a value of all maps together, and whom to tell of progress."""

METHODS: Mapping[str, Method] = {
    "allocate": allocate,
    "mask": direct,
    "fisher": fisher_mask,
    "learned-mask": learned_mask,
    "energy": energy,
    "topk": topk,
}


def method(name: str) -> Method:
    """Return the method called *name*."""
    if name not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {name!r}")
    return METHODS[name]
