"""Methods by name: all begin with a study, and end in the tables of the hardware."""

from collections.abc import Callable, Mapping

from .allocate import allocate
from .fisher_mask import fisher_mask
from .learned_mask import learned_mask
from .mask import direct, energy, topk
from .progress import Progress
from .study import Choose, Study

Method = Callable[[Study, Progress], Choose]
"""Takes a study and whom to tell of progress, and measures what it needs to choose tables."""

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
