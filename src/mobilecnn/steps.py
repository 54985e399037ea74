"""What long work tells to whoever waits for it: its steps, counted, and sentences."""

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called with (steps done, all, what is next)."""

Say = Callable[[str], None]
"""Called with a sentence for the person who waits."""


def no_say(text: str) -> None:
    """A :data:`Say` for nobody."""


class Steps:
    """Tells a :data:`Progress`, if there is one, what begins; each call is a step."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, what: str) -> None:
        """``what`` begins, and so all before it is done."""
        self.show(what)
        self._done += 1

    def show(self, what: str) -> None:
        """``what`` happens before the next step begins."""
        if self._progress is not None:
            self._progress(self._done, self._total, what)
