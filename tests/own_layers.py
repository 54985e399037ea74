"""Python files of a user's own layer that do something at a place, for models that need them."""

from pathlib import Path

PLACES = ("module", "init", "call")
"""Where such a file can act: as it is read, as a layer is made, and as the model is called."""


def write(folder: Path, template: str, place: str = "", action: str = "pass") -> Path:
    """Write ``own.py``, whose ``act`` is ``action`` and is called at one place, or nowhere.

    Args:
        folder: where the file goes.
        template: the file, with ``{action}`` and a name of :data:`PLACES` in braces where it may act.
        place: one of :data:`PLACES`, or nothing.
        action: statement of ``act``.
    """
    path = folder / "own.py"
    path.write_text(filled(template, place, action))
    return path


def filled(template: str, place: str = "", action: str = "pass") -> str:
    """The text of such a file."""
    return template.format(action=action, **{name: "act()" if name == place else "pass" for name in PLACES})
