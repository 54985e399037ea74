"""Random wirings: Watts-Strogatz graphs whose edges all point forward.

Section 3.3 of arXiv 1904.01569 and, for the graph itself, Watts, Strogatz, "Collective dynamics of
'small-world' networks", Nature 393, 1998. Only the standard library is imported: a seed gives the
same graphs on every platform and with every version of Python and numpy.
"""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Wiring:
    """A directed graph without cycles, connected when the directions are ignored.

    Attributes:
        sources: for each node the nodes that it reads, in ascending order; all have smaller numbers.
    """

    sources: tuple[tuple[int, ...], ...]

    @property
    def outputs(self) -> tuple[int, ...]:
        """The nodes that no other node reads."""
        used = {source for sources in self.sources for source in sources}
        return tuple(node for node in range(len(self.sources)) if node not in used)


def wirings(nodes: tuple[int, ...], neighbours: int, probability: float, seed: int) -> tuple[Wiring, ...]:
    """Draw several graphs from one stream of random numbers.

    Args:
        nodes: number of nodes of each graph.
        neighbours: number of neighbours of a node in the ring before the rewiring, even: the paper's K.
        probability: probability that an edge is rewired: the paper's P.
        seed: seed of the stream.
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
    """For each node the nodes that it shares an edge with.

    Section 3.3: in a ring, each node has ``neighbours / 2`` edges to either side. Then, clockwise, the
    edge from every node to the next is rewired with ``probability``, then the edge to the next but one,
    and so on. A rewired edge leads to a node drawn from all that the node has no edge with yet.
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
