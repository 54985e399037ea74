"""Puts models into the Android sample app: ``.tflite`` files and their passports, as assets.

All checks come first. Afterwards the app holds exactly the given models.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilecnn.convert import contradictions, inspection, passport
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.output_kinds import UNKNOWN
from mobilecnn.convert.passport import Passport
from mobilecnn.documents import parse_toml
from mobilecnn.errors import InputError, ModelFileError, OutputError, UsageError
from mobilecnn.files import LARGEST_TOML, read_bytes, sha256, write_together
from mobilecnn.locks import locked

MODELS = Path("app/src/main/assets/models")
"""Folder of the app's models, within the app."""

VERSIONS = Path("gradle/libs.versions.toml")
"""File in which the app says which runtime it ships, within the app."""

FEEDS = ("float32", "int8")
"""Types of input and output that the app's ``TensorSpec`` knows."""


@dataclass(frozen=True)
class Staged:
    """One model that is in the app.

    Attributes:
        file: file name in the app.
        nbytes: size in bytes.
        format: the format that its passport names.
        sha256: SHA-256 in hexadecimal.
        labels: number of classes that have names.
        minimum_runtime: first TFLite release that runs it; None when unknown.
        remarks: what a user of the app will wonder about.
    """

    file: str
    nbytes: int
    format: str
    sha256: str
    labels: int
    minimum_runtime: str | None
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "file": self.file,
            "bytes": self.nbytes,
            "format": self.format,
            "sha256": self.sha256,
            "labels": self.labels,
            "minimum_runtime": self.minimum_runtime,
            "remarks": list(self.remarks),
        }


def runtime(app: Path) -> str:
    """The version of TensorFlow Lite that the app in the folder ``app`` ships: ``2.16.1``.

    Raises:
        UsageError: the folder is not the sample app.
    """
    path = app / VERSIONS
    try:
        version = parse_toml(read_bytes(path, "list of versions", most=LARGEST_TOML))["versions"]["tflite"]
    except (InputError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{app} is not the Android sample app (no version of tflite in {path}: {error}); "
            "give the folder android_demo of a checkout of mobilecnn, or a copy of it, with --app, or make a copy with --init"
        ) from error
    if not isinstance(version, str) or not re.fullmatch(r"[0-9]+(\.[0-9]+)*", version):
        raise UsageError(f"the version of tflite in {path} must be like 2.16.1, and is {version!r}")
    return version


def stage(models: Sequence[Path], app: Path) -> tuple[Staged, ...]:
    """Copy ``models`` and their passports into the app in the folder ``app``; other models are removed.

    Raises:
        UsageError: ``app`` is not the sample app, or two models have one name.
        ModelFileError: a model is damaged, has no passport, or cannot run in the app.
        OutputError: the app's folder cannot be written.
    """
    return put(check(models, app), app)


@dataclass(frozen=True)
class Checked:
    """A model that may go into the app: its path, what is said of it, its content and its passport's."""

    model: Path
    record: Staged
    content: bytes
    card: bytes


def check(models: Sequence[Path], app: Path) -> list[Checked]:
    """What :func:`put` needs of ``models``; the errors are those of :func:`stage`. Nothing is changed."""
    release = runtime(app)
    names = [model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two models are called {name}; give one another name")
    return [Checked(model, *_check(model, release)) for model in models]


def put(checked: Sequence[Checked], app: Path) -> tuple[Staged, ...]:
    """Write checked models into the app in the folder ``app``; other models are removed.

    Raises:
        OutputError: the app's folder cannot be written.
    """
    folder = app / MODELS
    pairs = [
        {folder / passport.beside(one.model).name: one.card, folder / one.model.name: one.content}
        for one in checked
    ]
    staged = {path for pair in pairs for path in pair}
    with locked(folder):
        write_together(pairs)
        try:
            for old in folder.iterdir():
                if old.is_file() and old not in staged and not old.name.startswith("."):
                    old.unlink()
        except OSError as error:
            raise OutputError(f"cannot remove an older model: {error}") from error
    return tuple(one.record for one in checked)


def _check(model: Path, release: str) -> tuple[Staged, bytes, bytes]:
    """What is staged of ``model``: the record, the model's content and the passport's."""
    if model.suffix != ".tflite" or model.name.startswith("."):
        raise ModelFileError(f"{model}: the app takes .tflite files; mobilecnn export makes them")
    content = read_bytes(model, "model", ModelFileError)
    digest = sha256(content)
    graph = flatbuffer.graph(content, str(model))
    card = passport.read(model, digest)
    if card is None:
        raise ModelFileError(
            f"{model} has no passport {passport.beside(model).name} beside it, and the app takes what to feed it "
            "from there; export it with mobilecnn, or copy both files"
        )
    passport.check_fits(card, graph, model)
    contradictions.refuse(card, graph, content, model)
    for which, tensors in (("input", graph.inputs), ("output", graph.outputs)):
        if len(tensors) != 1 or tensors[0].dtype not in FEEDS:
            types = ", ".join(tensor.dtype for tensor in tensors)
            raise ModelFileError(
                f"{model} has the {which} {types or 'none'}; the app takes one, of {' or '.join(FEEDS)}"
            )
    need = inspection.inspection_of(graph, model.name, len(content), digest).minimum_runtime
    if need is not None and _numbers(need) > _numbers(release):
        raise ModelFileError(
            f"{model} needs TensorFlow Lite {need}, and the app is made for {release}: export it in another format, "
            f"or raise tflite in {VERSIONS} (docs/android.md)"
        )
    record = Staged(
        file=model.name,
        nbytes=len(content),
        format=card.file.format,
        sha256=digest,
        labels=len(card.labels),
        minimum_runtime=need,
        remarks=tuple(_remarks(card, need)),
    )
    return record, content, read_bytes(passport.beside(model), "passport")


def _remarks(card: Passport, need: str | None) -> list[str]:
    remarks = [f"not a model to ship: {reason}" for reason in card.latency_only]
    if card.kind == UNKNOWN:
        remarks.append(
            "its passport does not say what its scores are: the app shows them as they are, without per cent (export it "
            "again, with --output-kind where the model does not show it)"
        )
    if not card.labels:
        remarks.append("it has no labels: the app shows class numbers (mobilecnn export --labels FILE)")
    if not card.contract.stated:
        remarks.append("it does not say what input range it expects, and 0..1 is assumed")
    if card.contract.overrides:
        remarks.append(
            f"it says itself that it takes {card.contract.overrides}, and was exported for another input range"
        )
    if not card.golden:
        remarks.append("its passport has no golden pictures: the app cannot check its answers")
    if need is None:
        remarks.append("which runtime it needs is not known: the app may refuse it")
    return remarks


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
