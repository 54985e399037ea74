"""Makes an app of the user's own from the sample app: a renamed copy with the user's models, ready for Android Studio.

The classes keep their package, ``org.mobilecnn.demo``: what tells one app from another on a phone and in a store is the
application id, and what people see is the name.
"""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from mobilecnn.android_demo import staging
from mobilecnn.android_demo.staging import MODELS, Staged
from mobilecnn.bench.devices.adb.entry import APPLICATION_ID
from mobilecnn.errors import OutputError, UsageError
from mobilecnn.files import exists, unwritable
from mobilecnn.temporaries import unused

SAMPLE = Path(__file__).resolve().parent
"""Folder of the sample app, which comes with this package."""

FILES = (
    ".editorconfig", ".gitignore", "*.kts", "gradle.properties", "gradle/**/*", "core/*.kts", "core/src/**/*",
    "app/*.kts", "app/src/**/*", "app-compose/*.kts", "app-compose/src/**/*", "ci/**/*",
)  # fmt: skip
"""Patterns of the files that make the app; ``pyproject.toml`` puts the same ones into the wheel."""

LONGEST_NAME = 50
"""Number of characters that the name of an app may have: Android's launchers show some twelve, Google Play thirty."""

JOINERS = "\u200c\u200d"
"""Characters that are not seen and that tell how those beside them are written: Persian, Indian scripts and emojis need them."""

KEYWORDS = frozenset(
    """
    abstract assert boolean break byte case catch char class const continue default do double else enum extends false
    final finally float for goto if implements import instanceof int interface long native new null package private
    protected public return short static strictfp super switch synchronized this throw throws transient true try void
    volatile while _
    """.split()  # noqa: SIM905 - a word a line would be long
)
"""Words that no part of an application id may be: Android's tools make Java packages of it (JLS 3.9)."""


def copy(folder: Path, application: str, name: str, models: Sequence[Path]) -> tuple[Staged, ...]:
    """Write the copy to ``folder``, which appears whole or not at all.

    Args:
        folder: a new folder.
        application: application id of the copy: ``com.example.lesions``.
        name: name of the app as its users see it.
        models: ``.tflite`` files with their passports beside them.

    Raises:
        UsageError: the id or the name is none, or ``folder`` exists.
        ModelFileError: a model is damaged, has no passport, or cannot run in the app.
        OutputError, EnvironmentProblem: the copy cannot be written.
    """
    check_application(application)
    text = string(name)
    if exists(folder):
        raise UsageError(
            f"{folder} exists; name a folder that does not, or put models into it with --app {folder}"
        )
    checked = staging.check(models, SAMPLE)
    part = unused(folder)  # Beside it, so that a renaming makes it appear.
    try:
        for path in files():
            (part / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(SAMPLE / path, part / path)
        _edit(part / "settings.gradle.kts", r'(rootProject\.name = ")[^"]*', application.rpartition(".")[2])
        # Both skins are one app: they replace each other on a phone.
        for script in ("app/build.gradle.kts", "app-compose/build.gradle.kts"):
            _edit(part / script, r'(applicationId = ")[^"]*', application)
        for strings in sorted(part.glob("app*/src/*/res/values*/strings.xml")):
            if '"app_name"' in strings.read_text(encoding="utf-8"):
                _edit(strings, r'(<string name="app_name">)[^<]*', text)
        (part / MODELS).mkdir(parents=True, exist_ok=True)
        staged = staging.put(checked, part)
        part.rename(folder)
    except OSError as error:
        raise unwritable(f"write {folder}", error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return staged


def files() -> list[Path]:
    """The files of the sample app without what was built or staged, from its folder."""
    found = (path.relative_to(SAMPLE) for pattern in FILES for path in SAMPLE.glob(pattern) if path.is_file())
    return sorted(
        path
        for path in found
        if MODELS not in path.parents and not {"build", "__pycache__"} & set(path.parts)
    )


def check_application(application: str) -> None:
    """Refuse what is no application id, and the sample app's own.

    Raises:
        UsageError: with what an id is like.
    """
    if not APPLICATION_ID.fullmatch(application) or KEYWORDS & set(application.split(".")):
        raise UsageError(
            f"--id {application!r} is no application id; give two words or more with dots between them, each of letters, "
            "digits and _, begun by a letter, and no word of Java: com.example.lesions"
        )
    if (SAMPLE / "app/build.gradle.kts").read_text(encoding="utf-8").count(f'"{application}"'):
        raise UsageError(
            f"--id {application} is the sample app's own, so that a phone would take one for the other; "
            "give the copy one of yours: com.example.lesions"
        )


def remarks(application: str) -> list[str]:
    """What a publisher of the copy will wonder about."""
    if application.startswith(("com.example.", "org.mobilecnn.")):
        begun = ".".join(application.split(".")[:2])
        domain = "choose one that begins with a domain of yours before you publish"
        return [f"Google Play takes no app whose id begins with {begun}: {domain}"]
    return []


def string(name: str) -> str:
    """The name of an app as Android's ``strings.xml`` has it.

    Raises:
        UsageError: it is empty, too long, or not one printable line.
    """
    if not name.strip() or not _plain(name).isprintable() or len(name) > LONGEST_NAME:
        raise UsageError(
            f"--name must be 1 to {LONGEST_NAME} printable characters, and is {name[: 2 * LONGEST_NAME]!r}"
        )
    text = re.sub(r"""(["'\\])""", r"\\\1", name.strip())
    if text[0] in "@?":  # These would be references.
        text = f"\\{text}"
    return escape(text)


def _plain(name: str) -> str:
    """A name without the joiners between its letters; those elsewhere stay, where nobody sees them."""
    return re.sub(rf"(?<=[^\s{JOINERS}])[{JOINERS}](?=[^\s{JOINERS}])", "", name.strip())


def _edit(path: Path, pattern: str, value: str) -> None:
    """Put ``value`` behind the one place that ``pattern`` finds, in place of what is there."""
    text, count = re.subn(pattern, lambda match: match[1] + value, path.read_text(encoding="utf-8"))
    if count != 1:
        raise OutputError(
            f"{path.name} of the sample app has {count} places like {pattern}; install mobilecnn again"
        )
    path.write_text(text, encoding="utf-8")
