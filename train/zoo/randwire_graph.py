"""Random wirings: Watts-Strogatz graphs whose edges all point forward.

Section 3.3 of arXiv 1904.01569 and, for the graph itself, Watts, Strogatz, "Collective dynamics of
'small-world' networks", Nature 393, 1998. Imports nothing but the standard library: a seed gives
the same graphs on every platform and with every version of Python and numpy.
"""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Wiring:
    """A directed graph without cycles, connected when the directions are ignored.

    Attributes:
        sources: for each node the nodes that feed it, in rising order; all have smaller numbers.
    """

    sources: tuple[tuple[int, ...], ...]

    @property
    def outputs(self) -> tuple[int, ...]:
        """The nodes that feed no other."""
        used = {source for sources in self.sources for source in sources}
        return tuple(node for node in range(len(self.sources)) if node not in used)


def wirings(nodes: tuple[int, ...], neighbours: int, probability: float, seed: int) -> tuple[Wiring, ...]:
    """One graph for each number of nodes, from one stream of random numbers.

    Args:
        nodes: how many each graph has.
        neighbours: of a node in the ring before the rewiring, even: the paper's K.
        probability: that an edge is rewired: the paper's P.
        seed: of the stream.
    """
    stream = random.Random(seed)  # noqa: S311 - nothing secret; random() is stable over versions
    return tuple(_connected(count, neighbours, probability, stream) for count in nodes)


def _connected(nodes: int, neighbours: int, probability: float, stream: random.Random) -> Wiring:
    while True:
        edges = _watts_strogatz(nodes, neighbours, probability, stream)
        if _is_connected(nodes, edges):
            break
    # An edge points from the smaller number to the larger: no cycles.
    return Wiring(tuple(tuple(sorted(a for a in edges[b] if a < b)) for b in range(nodes)))


def _watts_strogatz(nodes: int, neighbours: int, probability: float, stream: random.Random) -> list[set[int]]:
    """For each node the nodes it has an edge with.

    Section 3.3: a ring with ``neighbours / 2`` edges to either side; then, clockwise, the edge from
    every node to its next one is rewired with ``probability``, then that to the next but one, ...
    Rewired means: to a node drawn from all that are not the node itself and have no edge with it.
    """
    edges: list[set[int]] = [set() for _ in range(nodes)]
    steps = range(1, neighbours // 2 + 1)
    for step in steps:
        for node in range(nodes):
            _connect(edges, node, (node + step) % nodes)
    for step in steps:
        for node in range(nodes):
            if stream.random() >= probability:
                continue
            free = [other for other in range(nodes) if other != node and other not in edges[node]]
            if free:
                old, new = (node + step) % nodes, free[int(stream.random() * len(free))]
                edges[node].remove(old)
                edges[old].remove(node)
                _connect(edges, node, new)
    return edges


def _connect(edges: list[set[int]], a: int, b: int) -> None:
    edges[a].add(b)
    edges[b].add(a)


def _is_connected(nodes: int, edges: list[set[int]]) -> bool:
    reached, waiting = {0}, [0]
    while waiting:
        fresh = edges[waiting.pop()] - reached
        reached |= fresh
        waiting.extend(fresh)
    return len(reached) == nodes
