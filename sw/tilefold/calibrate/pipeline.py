"""The whole way: from a trained network and some images to a bundle, and from a bundle back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from tilefold_hw.budget import packet_words
from tilefold_hw.config import CodecConfig

from ..bundle import Bundle, Site
from .batch_norm import fold_batch_norms, refill
from .clip import Rule, clipped
from .methods import method
from .progress import Progress, quietly
from .sites import choose, find
from .study import Choose, Study, study
from .trace import propagate, trace


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """A network that is ready for the hardware."""

    study: Study
    #: Sites of the maps that are compressed.
    sites: tuple[Site, ...]
    #: By name, why each other map is left as it is.
    skipped: Mapping[str, str]

    @property
    def bits(self) -> float:
        """Guaranteed bits a value of all maps that are compressed."""
        words = sum(packet_words(self.study.config, site.layer) for site in self.sites)
        values = sum(site.values for site in self.sites)
        return words * self.study.config.word_width / values

    def bundle(self) -> Bundle:
        """Bundle for the hardware, with the weights of the network as it is now."""
        state = self.study.network.state_dict()
        tensors = {name: tensor.detach().numpy() for name, tensor in state.items()}
        return Bundle(self.study.config, self.sites, tensors)


def begin(
    network: nn.Module,
    images: Tensor,
    config: CodecConfig,
    patterns: Iterable[str] = (),
    progress: Progress = quietly,
) -> Study:
    """Trace a network, fold its batch norms, and begin a study of its maps.

    Parameters
    ----------
    images : float32[n, ...]
        Those to calibrate on.
    patterns : iterable of str
        Maps to compress, as :func:`~tilefold.calibrate.sites.choose` takes them.

    Raises
    ------
    ValueError
        If the network can't be traced or does not take the images, or if there is nothing in it
        that can be compressed.
    """
    return survey(prepare(network, images[:2]), images, config, patterns, progress)


def prepare(network: nn.Module, example: Tensor) -> fx.GraphModule:
    """Trace a network, and fold its batch norms."""
    return fold_batch_norms(trace(network, example))


def survey(
    graph: fx.GraphModule,
    images: Tensor,
    config: CodecConfig,
    patterns: Iterable[str] = (),
    progress: Progress = quietly,
) -> Study:
    """Do the rest of :func:`begin`, with what :func:`prepare` has made."""
    maps = find(graph)
    begun = study(graph, choose(maps, *patterns), images, config, progress)
    if not begun.plain:
        reasons = {each.name: each.obstacle for each in maps if each.obstacle} | {**begun.skipped}
        told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise ValueError(f"network must have a map that can be compressed, and has none ({told})")
    return begun


def calibrate(
    begun: Study, bits: float, name: str = "allocate", progress: Progress = quietly
) -> Calibrated:
    """Choose tables and clips for a budget.

    A map that would take more bits than its plain samples, because of what pads it, is left as it
    is, and its samples count in the budget.

    Parameters
    ----------
    bits : float
        Guaranteed bits a value of all maps of the study together.
    name : str
        The method.

    Raises
    ------
    ValueError
        If it is more than plain samples take, or nothing is as small; the message tells the least.
    """
    if not 0 < bits < begun.config.sample_width:
        raise ValueError(
            f"bits must be more than 0 and less than the {begun.config.sample_width} of a plain "
            f"sample, not {bits:g}"
        )
    return chosen(begun, method(name)(begun, progress), bits, name, progress)


def chosen(
    begun: Study,
    choose_for: Choose,
    bits: float,
    name: str,
    progress: Progress = quietly,
    rule: Rule = clipped,
) -> Calibrated:
    """Do what :func:`calibrate` does, with what the method called *name* has measured.

    Clips are chosen by *rule*.
    """
    config = begun.config
    skipped = {
        each.name: each.obstacle for each in find(begun.network) if each.obstacle is not None
    } | dict(begun.skipped)
    current, sites = begun, choose_for(bits)
    while large := [
        site.name
        for site in sites
        if packet_words(config, site.layer) * config.word_width >= site.values * config.sample_width
    ]:
        for each in large:
            skipped[each] = (
                f"it would take {config.sample_width} bits a value or more, which its samples "
                "take as they are"
            )
        current = current.without(large)
        left = begun.values - current.values
        # More than nothing: what was chosen kept the budget, with these maps as large or larger.
        room = bits * begun.values - left * config.sample_width
        sites = method(name)(current, progress)(room / current.values)
    return Calibrated(current, rule(current, sites, progress), skipped)


def restore(network: nn.Module, example: Tensor, bundle: Bundle) -> fx.GraphModule:
    """Build the network that a bundle carries: its graph with the bundle's weights.

    Parameters
    ----------
    network : Module
        The network that the bundle was made from; its own weights do not matter.
    example : float32[n, ...]
        Inputs, for the shapes.

    Raises
    ------
    ValueError
        If the bundle is not for this network.
    """
    graph = prepare(network, example)
    for place, layer in graph.named_modules():
        own = {
            each: torch.from_numpy(bundle.tensors[f"{place}.{each}"])
            for each in ("weight", "bias")
            if isinstance(layer, nn.Conv2d | nn.Linear) and f"{place}.{each}" in bundle.tensors
        }
        if "weight" in own and own["weight"].ndim == layer.weight.ndim:
            refill(layer, own["weight"], own.get("bias"))
    try:
        graph.load_state_dict({name: torch.from_numpy(x) for name, x in bundle.tensors.items()})
        propagate(graph)
    except RuntimeError as error:
        # The first line says that it is an error, the second which tensor is wrong.
        told = [*str(error).splitlines(), str(error)][1].strip()
        raise ValueError(f"bundle must be of this network, which does not fit: {told}") from None
    maps = {each.name: each.shape for each in find(graph)}
    for site in bundle.sites:
        expected = (site.layer.channels_out, site.height, site.width)
        if maps.get(site.name) != expected:
            size = " × ".join(map(str, expected))
            raise ValueError(
                f"bundle must be of this network, which has no map {site.name!r} of {size}"
            )
    return graph
