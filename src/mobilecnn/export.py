"""The whole way of a Keras model to checked ``.tflite`` files with passports.

One float conversion, then every format from that one flatbuffer; then each file answers
the calibration images and is held against the Keras model. Two children share the work:
one holds Keras, the other the TFLite runtime and the quantizer.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.contract import InputContract
from mobilecnn.convert import inspection, passport
from mobilecnn.convert.conversion import KerasFacts, KerasModel, Source, finish_flatbuffer
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.errors import UsageError
from mobilecnn.files import check_writable, sha256, write_bytes, write_json
from mobilecnn.quantize.formats import FORMATS, Recipe, recipe
from mobilecnn.quantize.inference import TfliteProcess, write_tensors
from mobilecnn.quantize.parity import STEADY, Parity, compare, float32_limit
from mobilecnn.steps import Progress, Steps
from mobilecnn.train import datasets
from mobilecnn.train.images import Pixels, random_pixels
from mobilecnn.version import __version__

RANDOM = "random"
"""Calibration by noise: the file runs at its true speed and its answers mean nothing."""

MOVEMENTS = 2
"""Times that the Keras model is asked again with its input moved by one rounding; the largest change counts."""

MOVED_IMAGES = 25
"""Images at most on which that is asked."""

RANDOM_IMAGES = 8
GOLDEN_IMAGES = 3


@dataclass(frozen=True)
class Calibration:
    """The representative dataset.

    Attributes:
        source: a folder of images (class folders or loose), ``digits``, or ``random``.
        samples: at most so many images, the classes taking turns.
        seed: of the choice.
    """

    source: str
    samples: int = 100
    seed: int = 0


@dataclass(frozen=True)
class Exported:
    """One exported file.

    Attributes:
        path: the .tflite file; its passport is beside it.
        format: one of :data:`mobilecnn.quantize.formats.FORMATS`.
        nbytes: its size.
        parity: its answers against the Keras model's.
        holds: False for a float32 file beyond its tolerance, or any file with answers that are
            not finite.
        document: its passport.
    """

    path: Path
    format: str
    nbytes: int
    parity: Parity
    holds: bool
    document: dict[str, Any]


@dataclass(frozen=True)
class _Pictures:
    """What calibration and parity see: pixels once, and the same as tensors in a file."""

    pixels: npt.NDArray[np.uint8]
    manifest: dict[str, Any]
    tensors: Path


def check_request(formats: Sequence[str], calibration: Calibration | None) -> None:
    """Refuse what cannot work, before anything is loaded.

    Raises:
        UsageError: no or unknown formats, or int8 without calibration data.
    """
    for name in formats:
        recipe(name)
    if not formats:
        raise UsageError(f"no format chosen; give one or several of --{', --'.join(FORMATS)}, or --all")
    if "int8" in formats and calibration is None:
        raise UsageError(
            "int8 needs a representative dataset to measure the activations' ranges: give --calibration with a folder "
            "of training images, or 'digits'; '--calibration random' makes a file for latency only"
        )
    if calibration is not None and calibration.samples < 1:
        raise UsageError(f"--samples must be at least 1, and is {calibration.samples}")


def export(
    source: Source,
    formats: Sequence[str],
    output: Path,
    calibration: Calibration | None = None,
    io: str = "int8",
    progress: Progress | None = None,
) -> tuple[Exported, ...]:
    """Export ``source`` in each of ``formats`` to ``output``/NAME.FORMAT.tflite, with passports.

    Args:
        source: a Keras file or a zoo name.
        formats: of :data:`mobilecnn.quantize.formats.FORMATS`.
        output: the folder; created if need be.
        calibration: the representative dataset; parity is measured on it too. Without one, parity is
            measured on random pictures.
        io: what int8 files take and give: ``int8`` or ``float32``.
        progress: called with (step, steps, what is being done).

    Raises:
        UsageError, ModelFileError, DataError, OutputError: what the user gave does not work.
        EnvironmentProblem: a child process crashed.
    """
    check_request(formats, calibration)
    recipes = {name: recipe(name, io) for name in FORMATS if name in formats}
    check_writable(output)
    steps = Steps(progress, 5 + 2 * len(recipes))
    with (
        tempfile.TemporaryDirectory(prefix="mobilecnn-") as folder,
        KerasModel(source) as keras,
        TfliteProcess(f"that quantizes {source.text}") as tflite,
    ):
        work = Path(folder)
        # The child imports TensorFlow meanwhile; a data set that is not there is told now.
        pictures_of = _choose(calibration)
        early = keras.expected_contract
        steps("loading the model")
        pictures = None if early is None else _prepare(pictures_of, early, work)
        facts = keras.load()
        steps("converting")
        converted = work / "converted.tflite"
        keras.start_convert(facts.contract, converted)
        if pictures is None or early != facts.contract:
            pictures = _prepare(pictures_of, facts.contract, work)
        keras.finish()
        base = work / "float32.tflite"
        base.write_bytes(finish_flatbuffer(converted.read_bytes(), source.stem, facts.contract, facts.labels))

        steps("running the Keras model")
        keras.start_run(facts.contract, pictures.tensors, work / "reference.npy")
        files, scores = {}, {}
        for name, entries in recipes.items():
            steps(f"making {name}")
            files[name] = _quantized(tflite, name, entries, base, pictures, work)
            if entries:
                # The quantizer leaves the float file's operator versions in place.
                made = files[name].read_bytes()
                files[name].write_bytes(finish_flatbuffer(made, source.stem, facts.contract, facts.labels))
            steps(f"running {name}")
            tflite.run(files[name], pictures.tensors, work / f"{name}.npy")
            scores[name] = np.load(work / f"{name}.npy", allow_pickle=False)
        keras.finish()
        reference = np.load(work / "reference.npy", allow_pickle=False)
        tolerance = STEADY
        if "float32" in scores and compare(reference, scores["float32"]).relative > tolerance:
            tolerance = float32_limit(_movement(keras, facts.contract, pictures, reference, work))
        steps("writing")
        common = _common(source, facts, pictures)
        exported = tuple(
            _write(
                output / f"{source.stem}.{name}.tflite", name, recipes[name], io, files[name].read_bytes(),
                facts, pictures, common, reference, scores[name], tolerance,
            )
            for name in recipes
        )  # fmt: skip
        steps("done")
    return exported


def _choose(
    calibration: Calibration | None,
) -> Callable[[InputContract], tuple[Iterator[Pixels], int, dict[str, Any]]]:
    """The images to calibrate and compare on: a function from the contract to (images, count, manifest).

    Raises:
        DataError: the folder is missing or holds no images.
    """
    if calibration is None or calibration.source == RANDOM:
        count = RANDOM_IMAGES if calibration is None else min(calibration.samples, RANDOM_IMAGES)
        seed = 0 if calibration is None else calibration.seed
        return lambda contract: (
            iter(random_pixels(count, contract, seed)),
            count,
            {"data": RANDOM, "seed": seed, "images": count, "classes": 0},
        )
    chosen = datasets.load(calibration.source, "train").sample(calibration.samples, calibration.seed)
    manifest = {
        "data": calibration.source,
        "seed": calibration.seed,
        "images": len(chosen),
        "classes": len(set(chosen.labels.tolist())),
    }
    return lambda contract: (chosen.pixels(contract), len(chosen), manifest)


def _prepare(choose: Any, contract: InputContract, work: Path) -> _Pictures:
    images, count, manifest = choose(contract)
    pixels = np.stack(list(images))
    tensors = work / "calibration.npy"
    write_tensors(tensors, pixels, contract, count)
    return _Pictures(pixels, {**manifest, "sha256": hashlib.sha256(pixels.tobytes()).hexdigest()}, tensors)


def _quantized(
    tflite: TfliteProcess, name: str, entries: Recipe, base: Path, pictures: _Pictures, work: Path
) -> Path:
    if not entries:
        return base
    made = work / f"{name}.tflite"
    tflite.quantize(base, entries, made, pictures.tensors if name == "int8" else None)
    return made


def _movement(
    keras: KerasModel,
    contract: InputContract,
    pictures: _Pictures,
    reference: npt.NDArray[np.float32],
    work: Path,
) -> float:
    """Relative difference that the Keras model itself shows when its input moves by one rounding of float32.

    A deep network may enlarge the last bit of float32 a thousandfold, random weights more than
    trained ones: then no two ways to compute it agree, and Keras' answers are no truth either.
    """
    images = np.load(pictures.tensors, mmap_mode="r", allow_pickle=False)[:MOVED_IMAGES]
    rounding = np.spacing(np.abs(images).max())
    movements = []
    for seed in range(MOVEMENTS):
        signs = np.random.default_rng(seed).choice(np.asarray([-1, 1], np.float32), images.shape)
        np.save(work / "moved.npy", images + rounding * signs)
        keras.start_run(contract, work / "moved.npy", work / "moved-scores.npy")
        keras.finish()
        movements.append(
            compare(reference[:MOVED_IMAGES], np.load(work / "moved-scores.npy", allow_pickle=False)).relative
        )
    return max(movements)


def _common(source: Source, facts: KerasFacts, pictures: _Pictures) -> dict[str, Any]:
    """The part of the passport that all formats share."""
    why = []
    if not facts.trained:
        why.append("the weights are a random initialization")
    return {
        "schema": passport.SCHEMA,
        "version": passport.VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "tool": {
            "mobilecnn": __version__,
            **{name: version(name) for name in ("tensorflow", "keras", "litert-quantizer", "ai-edge-litert")},
        },
        "source": {
            "model": Path(source.text).name if source.is_file else source.text,
            "sha256": sha256(Path(source.text).read_bytes()) if source.is_file else None,
            "architecture": facts.architecture,
            "trained": facts.trained,
            "seed": None if facts.trained else source.seed,
            "classes": facts.classes,
            "parameters": facts.parameters,
        },
        "labels": list(facts.labels),
        "latency_only": why,
    }


def _write(
    path: Path,
    name: str,
    entries: Recipe,
    io: str,
    content: bytes,
    facts: KerasFacts,
    pictures: _Pictures,
    common: dict[str, Any],
    reference: npt.NDArray[np.float32],
    scores: npt.NDArray[np.float32],
    tolerance: float,
) -> Exported:
    parity = compare(reference, scores)
    finite = bool(np.isfinite(scores).all())
    holds = finite and (name != "float32" or parity.relative <= tolerance)
    digest = sha256(content)
    seen = inspection.summarize(flatbuffer.graph(content, str(path)), path.name, len(content), digest)
    calibrated = name == "int8"
    why = list(common["latency_only"])
    if calibrated and pictures.manifest["data"] == RANDOM:
        why.append("the activations' ranges were calibrated on random pictures")
    facts_of_graph = seen.to_json()
    document = {
        **common,
        "latency_only": why,
        "file": {"name": path.name, "format": name, "bytes": len(content), "sha256": digest},
        "input": {"tensor": facts_of_graph["inputs"][0], "contract": facts.contract.to_json()},
        "output": {"tensor": facts_of_graph["outputs"][0]},
        "recipe": {"io": io if calibrated else "float32", "entries": entries},
        "calibration": pictures.manifest if calibrated else None,
        "parity": {
            "reference": "the Keras model",
            "data": pictures.manifest,
            "holds": holds,
            "tolerance": tolerance if name == "float32" else None,
            **parity.to_json(),
        },
        "macs": seen.macs,
        "parameters": seen.parameters,
        "minimum_runtime": seen.minimum_runtime,
        "operators": facts_of_graph["operators"],
        "warnings": list(seen.warnings),
        "golden": [
            {"picture": passport.encode_picture(pixels), "scores": passport.rounded(answer)}
            for pixels, answer in list(zip(pictures.pixels, scores, strict=True))[
                : GOLDEN_IMAGES if finite else 0
            ]
        ],
    }
    # The passport first: a reader that finds a model finds its passport, and one that is
    # interrupted in between finds a passport that refuses the older model by its hash.
    write_json(passport.beside(path), document)
    write_bytes(path, content)
    return Exported(path, name, len(content), parity, holds, document)
