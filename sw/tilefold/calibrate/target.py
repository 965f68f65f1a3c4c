"""Target: how small maps shall be, told as a ratio, or by what accuracy may be lost."""

from torch import Tensor, nn

from .evaluate import evaluate
from .methods import method
from .pipeline import Calibrated, chosen
from .progress import Progress, quietly
from .study import Study

CLOSE = 0.05
"""Bits a value within which the smallest rate for a drop is found."""


def bits_of_ratio(begun: Study, ratio: float) -> float:
    """Bits a value of which plain samples are *ratio* times as many."""
    if not ratio > 1:
        raise ValueError(f"ratio must be more than 1, not {ratio:g}")
    return begun.config.sample_width / ratio


def for_drop(
    begun: Study,
    drop: float,
    labels: Tensor | None = None,
    name: str = "allocate",
    progress: Progress = quietly,
    reference: nn.Module | None = None,
) -> Calibrated:
    """Find the lowest rate at which accuracy falls by no more than *drop*.

    It is measured on the study's images, every map through the exact codec; without *labels* it is
    the share of the answers that change. On other images it may fall by a little more.

    Parameters
    ----------
    drop : float
        0.01 is a point.
    reference : Module, optional
        What accuracy falls from; left out, the study's network in floats.

    Raises
    ------
    ValueError
        If even the rate of plain samples loses more.
    """
    if not 0 <= drop < 1:
        raise ValueError(f"drop must be 0 % to less than 100 % of the images, not {drop:.2%}")
    choose_for = method(name)(begun, progress)

    def tried(bits: float) -> tuple[float, Calibrated]:
        found = chosen(begun, choose_for, bits, name, progress)
        sites, config = found.sites, begun.config
        return (
            evaluate(
                begun.network,
                begun.maps,
                sites,
                config,
                begun.images,
                labels,
                reference=reference,
                progress=progress,
            ).drop,
            found,
        )

    low, high = 0.0, 0.99 * begun.config.sample_width
    lost, best = tried(high)
    if lost > drop:
        raise ValueError(
            f"drop must be at least {lost:.2%} with method {name}, which is lost at "
            f"{best.bits:.3g} bits a value already, not {drop:.2%}"
        )
    while high - low > CLOSE:
        middle = (low + high) / 2
        try:
            lost, found = tried(middle)
        except ValueError:  # smaller than the smallest there is
            low = middle
            continue
        if lost <= drop:
            high, best = middle, found
        else:
            low = middle
    return best
