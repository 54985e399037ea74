"""Names of models and layers as TensorFlow's graphs take them: in the child process only.

Keras takes any name, and opens a scope of that name for all that a layer does. A graph refuses most characters in
it, so that a model called ``modèle`` or ``my model (v2)`` would be loaded and then not traced. A scope only labels
operations: no number depends on it. So the scopes are renamed and the layers are not, which may be looked up by name.
"""

import re
from typing import Any

_REFUSED = re.compile(r"[^A-Za-z0-9_./-]")
"""Characters that a graph refuses in a scope, and the two (``\\`` and ``>``) that it takes and the converter refuses."""

_BEGINNING = re.compile(r"[A-Za-z0-9.]")
"""Characters that the outermost scope may begin with."""


def scope_of(name: str) -> str:
    """The name of the scope of a layer or model called ``name``; the name itself where a graph takes it."""
    taken = _REFUSED.sub("_", name)
    return taken if not taken or _BEGINNING.match(taken) else f"layer{taken}"


def take_any_name() -> None:
    """Have TensorFlow's scopes take every name, in this process, from now on."""
    import tensorflow as tf

    class Scope(tf.name_scope):  # type: ignore[misc]
        """A scope of any name."""

        def __init__(self, name: Any) -> None:
            super().__init__(scope_of(name) if isinstance(name, str) else name)

    tf.name_scope = Scope
