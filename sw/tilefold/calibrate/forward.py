"""Run a network and offer every stored map to a hook, which may change it."""

from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor, fx

from .sites import StoredMap
from .trace import input_of, names, shape

BATCH = 64
"""Images of a batch: enough to keep a processor busy, few enough for any memory."""

Store = Callable[[str, Tensor], Tensor]
"""Takes the name of a stored map and its values, float32[n, C, H, W]; returns those to go on
with, of the same shape."""

Watch = Callable[[str, Any], None]
"""Told the name of every step and its result: of a stored map, what it goes on with."""


def forward(
    network: fx.GraphModule,
    maps: Iterable[StoredMap],
    images: Tensor,
    store: Store,
    watch: Watch = lambda name, result: None,
) -> Tensor:
    """Run *network* on a batch, with every one of *maps* going through *store*.

    Gradients pass wherever *store* lets them.

    Parameters
    ----------
    maps : iterable of StoredMap
        Maps of this network, as :func:`~tilefold.calibrate.sites.find` finds them.
    images : float32[n, ...]
        Inputs.
    store : callable
        Called for the maps in the order in which they are computed.
    watch : callable
        Called for all steps of the network.

    Returns
    -------
    float32[n, ...]
        The network's output.
    """
    expected = shape(input_of(network))
    if tuple(images.shape[1:]) != expected:
        sizes = ", ".join(map(str, expected))
        raise ValueError(f"images must have shape [n, {sizes}], not {list(images.shape)}")
    result: Tensor = _Offering(network, maps, store, watch).run(images)
    return result


class _Offering(fx.Interpreter):
    """Interpreter that offers the results of some nodes to a hook."""

    def __init__(
        self, network: fx.GraphModule, maps: Iterable[StoredMap], store: Store, watch: Watch
    ):
        super().__init__(network)
        self.extra_traceback = False  # what a hook raises says enough
        stored = {each.steps[-1]: each.name for each in maps}
        self._called = names(network)
        self._offered = {
            node: stored[called] for node, called in self._called.items() if called in stored
        }
        self._store = store
        self._watch = watch

    def run_node(self, n: fx.Node) -> Any:
        """Compute *n*, and offer what it stores."""
        result = super().run_node(n)
        if n in self._offered:
            result = self._stored(self._offered[n], result)
        self._watch(self._called[n], result)
        return result

    def _stored(self, name: str, result: Tensor) -> Tensor:
        """Let the hook change the stored map called *name*."""
        stored = self._store(name, result)
        if stored.shape != result.shape:
            raise ValueError(
                f"stored map of {name} must be {list(result.shape)}, not {list(stored.shape)}"
            )
        return stored
