"""Counts the steps of long work for whoever shows its progress."""

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called with (steps done, all, what is next)."""


class Steps:
    """Tells a :data:`Progress`, if there is one, what begins; each call is a step."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, what: str) -> None:
        """``what`` begins, and so all before it is done."""
        if self._progress is not None:
            self._progress(self._done, self._total, what)
        self._done += 1
