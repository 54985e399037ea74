"""The user's own layers and functions, from a Python file that the user vouches for.

It runs in the child process that loads the model, and may do there what it likes: raise, exit, loop, or take the process
down. All that, wherever it happens, is told with the file's name, and with the line where there is one. Training alone
runs it in the program's own process, which computes with it for hours.
"""

import faulthandler
import importlib.util
import os
import re
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from mobilecnn import interruption
from mobilecnn.causes import cause, chain
from mobilecnn.errors import ChildCrashed, MobileCnnError, ModelFileError

MODULE = "mobilecnn_custom_objects"
"""Name that the file has as a module."""

SHARE = 0.8
"""Share of the parent's patience after which the code is stopped in the child, where its line is known."""


class Endless(BaseException):
    """The code has not ended in time. It is no Exception, which the code may catch."""


def load(path: Path) -> dict[str, Any]:
    """Run the file, and return the classes and functions that it has, by name.

    Layers that it registers (``keras.saving.register_keras_serializable``) are known to Keras from then on.

    Raises:
        ModelFileError: it cannot be read, or fails; the message has the line.
    """
    try:
        source = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from error
    # What it imports may lie beside it.
    sys.path.append(str(path.resolve().parent))
    spec = importlib.util.spec_from_loader(MODULE, loader=None, origin=str(path))
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(path)
    sys.modules[MODULE] = module
    try:
        with _staying():
            exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 - the user vouches for it
    except BaseException as error:
        raise ModelFileError(_fails(fault(error, path) or f"{path}: {_named(error)}")) from error
    return _objects(module)


@contextmanager
def _staying() -> Iterator[None]:
    """Afterwards the process is in the folder that it was in: the user's names are relative to that one."""
    here = os.open(
        ".", getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC
    )  # A path may have been renamed since.
    try:
        yield
    finally:
        os.fchdir(here)
        os.close(here)


def _fails(told: str) -> str:
    return f"the file of --custom-objects fails: {told}; mend that there"


@contextmanager
def running(path: Path | None, seconds: float | None) -> Iterator[None]:
    """While the block runs code of the file, whatever ends it is told with the file's name: errors, exits and loops.

    Args:
        path: the file; None where there is none, and nothing is changed.
        seconds: how long the parent waits for the block; None where it does not mind.

    Raises:
        ModelFileError: the code failed, asked to exit, or did not end.
    """
    if path is None:
        yield
        return
    faulthandler.enable(
        2
    )  # Where native code takes the process down, the parent finds the line in its last words.
    if seconds is not None:
        limit = SHARE * seconds

        def stop(number: int, frame: Any) -> None:
            raise Endless(f"it had not ended after {limit:g} s, and was stopped")

        signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        with _staying():
            yield
    except MobileCnnError as error:
        if (told := fault(error, path)) and str(path) not in str(error):
            raise type(error)(f"{error}; it failed in {told}") from error
        raise
    except BaseException as error:
        told = fault(error, path)
        # In a training, which runs it in the program's own process, Ctrl-C is the user's.
        users = interruption.came() is not None or (isinstance(error, KeyboardInterrupt) and not told)
        if users or (isinstance(error, Exception) and not told):
            raise
        raise ModelFileError(_fails(told or f"{path}: {_named(error)}")) from error
    finally:
        if seconds is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)


def ended(error: ChildCrashed, path: Path) -> MobileCnnError:
    """The error about a child that ended, or was stopped, while it ran code of the file at ``path``."""
    if (place := _place(error.words, path)) is not None:
        return ModelFileError(_fails(place))
    return ChildCrashed(
        f"{error}; the code of {path} ran in it: where that ends its process (os._exit, a signal, a library that does), or does "
        "not come to its end, mend it there",
        error.how,
        error.words,
    )


def _place(words: Sequence[str], path: Path) -> str | None:
    """Where in the file a process was taken down, from the stack that :mod:`faulthandler` wrote; None without one."""
    fatal = next((place for place, line in enumerate(words) if line.startswith("Fatal Python error: ")), None)
    if fatal is None:
        return None
    for line in words[fatal:]:
        if (found := re.fullmatch(r'File "(.*)", line (\d+) in (.*)', line)) and found[1] == str(path):
            within = "" if found[3] == "<module>" else f", in {found[3]}"
            return f"{path}, line {found[2]}{within}: {words[fatal].removeprefix('Fatal Python error: ')}"
    return None


def _objects(module: ModuleType) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("__") and callable(value) and hasattr(value, "__name__")
    }


def fault(error: BaseException, path: Path) -> str:
    """What failed in the file at ``path``, with its line: ``FILE, line 7, in call: TypeError: ...``.

    Keras raises its own errors from those of a layer; the one that is nearest to the cause counts. Empty where no
    line of the file was involved.
    """
    for link in reversed(list(chain(error))):
        if isinstance(link, SyntaxError) and link.filename == str(path):
            return f"{path}, line {link.lineno}: {type(link).__name__}: {link.msg}"
        for frame in reversed(traceback.extract_tb(link.__traceback__)):
            if frame.filename == str(path):
                within = "" if frame.name == "<module>" else f", in {frame.name}"
                return f"{path}, line {frame.lineno}{within}: {_named(link)}"
        # A function that the graph calls, whose error TensorFlow hands on as text.
        if found := re.search(rf'File "{re.escape(str(path))}", line (\d+), in (\S+)', str(link)):
            return f"{path}, line {found[1]}, in {found[2]}: {cause(link)}"
    return ""


def _named(error: BaseException) -> str:
    if isinstance(error, Endless):
        return str(error)
    return f"{type(error).__name__}: {cause(error)}" if str(error) else type(error).__name__


def calls_as_keras(model: Any) -> bool:
    """Whether a model computes its graph and nothing else: a class of the user's own may call it otherwise."""
    methods = (getattr(type(model), name, None) for name in ("call", "__call__"))
    return all(str(getattr(method, "__module__", "")).split(".")[0] == "keras" for method in methods)
