"""The one error tree.

Every message says what was wrong, where, and what to do about it. The command line
prints it on one line and exits with ``exit_code``; a traceback is always a bug.

::

    MobileCnnError
    ├── CheckFailed          1   the work ran, and what it checked does not hold
    ├── UsageError           2   an option or a combination of options
    │   └── ModelNameError   2   a zoo name that the grammar does not know, or cannot build
    ├── InputError           2   something the user gave: a file, a folder, an image
    │   ├── ModelFileError   2   a .keras, .h5 or .tflite file
    │   ├── DataError        2   images, labels, class folders
    │   └── OutputError      2   a file or folder that cannot be written
    └── EnvironmentProblem   3   a missing package, a device, a child process
        └── ChildCrashed     3   native code took its process down
"""

from collections.abc import Sequence


class MobileCnnError(Exception):
    """The root: any failure that is not a bug of mobilecnn."""

    exit_code = 2


class CheckFailed(MobileCnnError):
    """The work ran to its end, and the property it was asked to check does not hold."""

    exit_code = 1


class UsageError(MobileCnnError):
    """An option, or a combination of options, that makes no sense."""


class ModelNameError(UsageError):
    """A zoo name that the grammar does not know, or whose network cannot be built."""


class InputError(MobileCnnError):
    """Something the user gave cannot be read or used."""


class ModelFileError(InputError):
    """A model file that is missing, damaged, unsafe or not an image classifier."""


class DataError(InputError):
    """Images or labels that are missing, damaged or do not fit the model."""


class OutputError(InputError):
    """A file or folder that cannot be written."""


class EnvironmentProblem(MobileCnnError):
    """A package, a device or a child process that is missing or does not work."""

    exit_code = 3


class ChildCrashed(EnvironmentProblem):
    """Native code took its child process down, or the process was killed.

    Attributes:
        how: the message without the process's own words; empty where it did not end by itself.
        words: lines that the process wrote to standard error until it ended, or was ended.
    """

    def __init__(self, message: str, how: str = "", words: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.how = how
        self.words = tuple(words)


BY_NAME: dict[str, type[MobileCnnError]] = {
    kind.__name__: kind
    for kind in (
        MobileCnnError, CheckFailed, UsageError, ModelNameError, InputError,
        ModelFileError, DataError, OutputError, EnvironmentProblem, ChildCrashed,
    )
}  # fmt: skip
"""Name -> class of error, to raise again what a child process reports by name."""
