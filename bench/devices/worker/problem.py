"""A failure of the worker."""

from __future__ import annotations


class Problem(Exception):
    """A failure to report: the name of a class of ``mobilecnn.errors``, and the message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def first_line(error: BaseException) -> str:
    """The first line of an error, at most 300 characters."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
