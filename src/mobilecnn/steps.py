"""How long work reports to whoever waits for it: progress in steps, and sentences."""

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Function called with (steps done, steps in all, what comes next)."""

Say = Callable[[str], None]
"""Function called with a sentence for the person who waits."""


def no_progress(done: int, total: int, what: str) -> None:
    """A :data:`Progress` for nobody."""


def no_say(text: str) -> None:
    """A :data:`Say` for nobody."""


class Steps:
    """Reports each step as it begins to a :data:`Progress`, if there is one."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, what: str) -> None:
        """The step ``what`` begins, and so all steps before it are done."""
        self.show(what)
        self._done += 1

    def show(self, what: str) -> None:
        """``what`` happens before the next step begins."""
        if self._progress is not None:
            self._progress(self._done, self._total, what)
