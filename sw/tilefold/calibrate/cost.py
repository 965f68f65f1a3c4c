"""Cost: what a network computes and holds, to tell what folding saved."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from torch import fx

from .kinds import Kind, kind
from .projection import Compress, Expand
from .trace import module, names, operation, shape


@dataclass(frozen=True, slots=True)
class Cost:
    """What a layer, or a network, needs for one input."""

    #: Multiplications with a weight, each added up. Biases, nonlinearities, pools and batch norms
    #: are not counted.
    macs: int
    #: Weights and biases.
    parameters: int

    @property
    def flops(self) -> int:
        """Floating-point operations: a multiplication and an addition for each of ``macs``."""
        return 2 * self.macs


def cost(network: fx.GraphModule) -> dict[str, Cost]:
    """Cost of every step with weights by name, in the order of the network.

    A layer that is called again has its parameters counted with the first call.
    """
    called = names(network)
    costs: dict[str, Cost] = {}
    seen: set[int] = set()
    for node in network.graph.nodes:
        layer = module(network, node)
        own = [] if layer is None else [each for each in layer.parameters() if id(each) not in seen]
        seen.update(map(id, own))
        macs = 0
        if isinstance(layer, Compress | Expand) or kind(network, node) is Kind.WEIGH:
            weight = node.all_input_nodes[1].meta["tensor_meta"] if layer is None else layer.weight
            transposed = "transpose" in operation(network, node).lower()
            positions = shape(node.all_input_nodes[0] if transposed else node)
            macs = prod(positions) * prod(weight.shape[1:])
        if macs or own:
            costs[called[node]] = Cost(macs, sum(each.numel() for each in own))
    return costs


def total(costs: Iterable[Cost]) -> Cost:
    """Sum of several costs."""
    costs = list(costs)
    return Cost(sum(each.macs for each in costs), sum(each.parameters for each in costs))
