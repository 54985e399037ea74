"""When weights are pruned while a network is trained: which part of the shares is reached before which batch.

* ``once``: all at the beginning, and training after it (arXiv 1510.00149, section 2).
* ``iterative``: an equal part at the beginning of each epoch (Han, Pool, Tran, Dally, "Learning both Weights and Connections for
  Efficient Neural Networks", arXiv 1506.02626, NIPS 2015, section 3.4).
* ``gradual``: 1 - (1 - t)^3 at a share t of the way, fast at first and slowly where little is left (Zhu, Gupta, "To Prune, or Not to
  Prune", arXiv 1710.01878, 2017, section 3). The way is all epochs but the last, which trains with what is left; of one epoch,
  its first half.
"""

from collections.abc import Callable, Mapping

ONCE = "once"
"""Name of the schedule that prunes before training."""

UPDATES = 20
"""Number of prunings of ``gradual`` in an epoch, at most."""

Levels = Mapping[int, float]
"""Number of batches that were trained -> part of the shares that is pruned then, ascending to 1."""


def _once(epochs: int, steps: int) -> Levels:
    return {0: 1.0}


def _iterative(epochs: int, steps: int) -> Levels:
    return {epoch * steps: (epoch + 1) / epochs for epoch in range(epochs)}


def _gradual(epochs: int, steps: int) -> Levels:
    way = (epochs - 1) * steps if epochs > 1 else max(1, steps // 2)
    updates = min(way, UPDATES * max(1, epochs - 1))
    return {
        round(update * way / updates): 1 - (1 - update / updates) ** 3 for update in range(1, updates + 1)
    }


SCHEDULES: Mapping[str, Callable[[int, int], Levels]] = {
    ONCE: _once,
    "iterative": _iterative,
    "gradual": _gradual,
}
"""Name -> function of the numbers of epochs and of batches in each, both at least 1, that gives the levels."""
