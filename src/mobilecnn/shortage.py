"""What runs short and is no fault of any input: memory, and the files that a process may have open."""

import errno

from mobilecnn.errors import EnvironmentProblem

SCARCE = {
    errno.EMFILE: "too many files are open in this process; allow more, as with ulimit -n 1024",
    errno.ENFILE: "too many files are open on this machine; close other programs",
    errno.ENOMEM: "the memory does not suffice",
}
"""Error numbers of what runs short -> what is said."""

SMALLER = (
    "take smaller pictures or smaller batches (--size and --batch-size, where the command has them), close other programs, "
    "or use a machine with more memory"
)

_OF_TENSORFLOW = "ResourceExhaustedError"


def shortage(error: BaseException, doing: str = "") -> EnvironmentProblem | None:
    """What is said about an error that means that something runs short; None about others.

    Args:
        error: the error, Python's own, numpy's or TensorFlow's.
        doing: what failed, for the message: ``to decode a.png``.
    """
    where = f" {doing}" if doing else ""
    if isinstance(error, OSError) and error.errno in SCARCE and error.errno != errno.ENOMEM:
        return EnvironmentProblem(f"{SCARCE[error.errno]}{f' ({doing})' if doing else ''}")
    known = isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM
    # By its name: nothing of TensorFlow is imported here.
    if not known and _OF_TENSORFLOW not in (kind.__name__ for kind in type(error).__mro__):
        return None
    words = next(
        (line.strip() for line in str(getattr(error, "message", error)).splitlines() if line.strip()), ""
    )
    said = f" ({words[:200]})" if words and not isinstance(error, OSError) else ""
    return EnvironmentProblem(f"{SCARCE[errno.ENOMEM]}{where}{said}; {SMALLER}")
