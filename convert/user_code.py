"""The user's own layers and functions, from a Python file that the user vouches for: in the child process only."""

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from mobilecnn.causes import cause, chain
from mobilecnn.errors import ModelFileError

MODULE = "mobilecnn_custom_objects"
"""Name that the file has as a module."""


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
        exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 - the user vouches for it
    except (Exception, SystemExit) as error:
        told = fault(error, path) or f"{path}: {type(error).__name__}: {cause(error)}"
        raise ModelFileError(f"the file of --custom-objects fails: {told}") from error
    return _objects(module)


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
                told = f": {cause(link)}" if str(link) else ""
                return f"{path}, line {frame.lineno}{within}: {type(link).__name__}{told}"
    return ""


def calls_as_keras(model: Any) -> bool:
    """Whether a model computes its graph and nothing else: a class of the user's own may call it otherwise."""
    methods = (getattr(type(model), name, None) for name in ("call", "__call__"))
    return all(str(getattr(method, "__module__", "")).split(".")[0] == "keras" for method in methods)
