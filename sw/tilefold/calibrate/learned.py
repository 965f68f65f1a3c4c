"""Learned projections: what is kept of a map, and how it is restored, trained without labels.

The network itself stays as it is. Trained are the weights and biases of every
:class:`~tilefold.calibrate.projection.Compress` and :class:`~tilefold.calibrate.projection.Expand`
in it, which begin as principal components, say: after training, the one need no longer be the
other's transpose.
"""

import copy

import torch
from torch import Tensor, fx

from .distil import Training, Vary, distillation, train, unchanged
from .forward import Store, forward
from .progress import Progress, quietly
from .projection import Compress, Expand
from .sites import choose, find
from .trace import module, names

LEARNING = Training(epochs=30, batch=32, rate=1e-3)
"""For so long as there is time."""


def learn(
    network: fx.GraphModule,
    teacher: fx.GraphModule,
    images: Tensor,
    training: Training,
    store: Store = lambda name, maps: maps,
    hint: float = 1.0,
    vary: Vary = unchanged,
    progress: Progress = quietly,
) -> fx.GraphModule:
    """Train all projections of *network* together.

    Parameters
    ----------
    network : GraphModule
        With projections, as :func:`~tilefold.calibrate.beside.project_beside` puts them in.
    teacher : GraphModule
        The network without them.
    images : float32[images, ...]
        Training images.
    store : callable
        What befalls stored maps, such as their rounding; gradients must pass it.
    hint : float
        Weight of the hint loss beside that of distillation.

    Returns
    -------
    GraphModule
        A copy; *network* is not changed.

    Source
    ------
    Tai et al. 2022, equations 5 to 7.
    """
    network = copy.deepcopy(network)
    parameters = [
        each
        for layer in network.modules()
        if isinstance(layer, Compress | Expand)
        for each in layer.parameters()
    ]
    if not parameters:
        raise ValueError("network must have projections to be trained, not none")
    loss = Loss(network, teacher, store, hint)
    train(network, parameters, loss, images, training, "learning projections", vary, progress)
    return network


class Loss:
    """Distillation loss and hint loss of a network with projections, on a batch of images.

    The hint loss is the mean square by which a restored map is off the teacher's, as a share of
    the variance of that, in the mean of all maps.
    """

    def __init__(self, network: fx.GraphModule, teacher: fx.GraphModule, store: Store, hint: float):
        self._network = network
        self._teacher = teacher
        self._store = store
        self._hint = hint
        self._maps = choose(find(network))
        self._hints = hints(network, teacher)

    def __call__(self, images: Tensor) -> Tensor:
        """Return the loss of a batch, float32[]."""
        wanted: dict[str, Tensor] = {}
        given: dict[str, Tensor] = {}
        expected = set(self._hints.values())

        def note(name: str, value: Tensor) -> None:
            if name in expected:
                wanted[name] = value

        def restore(name: str, value: Tensor) -> None:
            if name in self._hints:
                given[name] = value

        with torch.no_grad():
            taught = forward(self._teacher, (), images, self._store, note)
        logits = forward(self._network, self._maps, images, self._store, restore)
        off = [
            (given[name] - wanted[of]).square().mean() / wanted[of].var().clamp(min=1e-12)
            for name, of in self._hints.items()
        ]
        loss = distillation(logits, taught)
        return loss + self._hint * torch.stack(off).mean() if off else loss


def hints(network: fx.GraphModule, teacher: fx.GraphModule) -> dict[str, str]:
    """Find what each Expand restores.

    Returns
    -------
    dict of str
        By the name of the Expand, that of the teacher's step whose result it restores.
    """
    called = names(network)
    stored = {each.name: each.steps[-1] for each in find(teacher)}
    found = {}
    for node in network.graph.nodes:
        if isinstance(module(network, node), Expand):
            before = node.all_input_nodes[0]
            if isinstance(module(network, before), Compress):
                found[called[node]] = called[before.all_input_nodes[0]]
            else:
                found[called[node]] = stored[called[node].removesuffix("_expand")]
    return found
