"""The runtime that files are for: which it can be, what it lacks, and what is done about that."""

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from tflite_files import Made

from mobilecnn import probed
from mobilecnn.convert.conversion import Source
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.errors import EnvironmentProblem, UsageError
from mobilecnn.export import export
from mobilecnn.quantize import formats, targets
from mobilecnn.quantize.calibration.images import Calibration
from mobilecnn.quantize.recipes import Recipe, keeping
from mobilecnn.quantize.rules import Rule
from mobilecnn.quantize.targets import Target, lacking, mended, target
from mobilecnn.remarks import Remarks, no_remark

DYNAMIC = Rule(precision="dynamic", operators=("FULLY_CONNECTED",))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("tflite-runtime==2.14", Target("tflite-runtime", "2.14")),
        ("tensorflow==2.16.1", Target("tensorflow", "2.16.1")),
    ],
)
def test_a_target_is_a_release_of_a_package(text: str, wanted: Target) -> None:
    assert target(text) == wanted and str(wanted) == text


@pytest.mark.parametrize(
    "text",
    [
        "tflite-runtime",
        "tflite-runtime==",
        "tflite-runtime>=2.14",
        "numpy==2.0",
        "2.14",
        "tflite-runtime==2.x",
        "==2.14",
        "tflite-runtime==2.14\n",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(
        UsageError, match=r"is no release of tflite-runtime or tensorflow; give tflite-runtime==2.14"
    ):
        target(text)


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("2.14", "2.14"),
        ("2.5.0.post1", "2.5.0"),
        ("2.20.0.dev20250619", "2.20.0"),
        ("2.18.0-dev20241009", "2.18.0"),
        ("2.17.0rc1", "2.17.0"),
        ("2.16.1+cpu", "2.16.1"),
        ("2.20240101", "2"),
        ("1.2.3.4.5", "1.2.3.4"),
        ("20240101", None),
        ("unknown", None),
        ("v2.14", None),
        ("", None),
    ],
)
def test_a_release_is_what_a_version_begins_with(version: str, release: str | None) -> None:
    assert targets.release_of(version) == release
    assert release is None or target(f"tflite-runtime=={release}").release == release


@pytest.mark.parametrize(
    ("release", "needed", "has"),
    [
        ("2.14", "2.14.0", True),
        ("2.9", "2.10.0", False),
        ("2.10", "2.9.0", True),
        ("2", "1.15.0", True),
        ("2.14.1", "2.14.0", True),
        ("2.14", None, False),
    ],
)
def test_releases_are_compared_as_numbers(release: str, needed: str | None, has: bool) -> None:
    assert Target("tflite-runtime", release).has(needed) == has


def test_what_it_lacks_is_counted() -> None:
    made = Made()
    for kind in ("RELU", "GELU", "GELU", "RFFT2D"):
        made.add(kind, made.last)
    assert lacking(made.graph(), target("tflite-runtime==2.9")) == {
        "RFFT2D of float32 (of an unknown release)": 1
    }
    missing = lacking(made.graph(), target("tflite-runtime==2.8"))
    assert missing["GELU of float32 (release 2.9.0)"] == 2
    with pytest.raises(
        UsageError, match=r"^it would not run on tflite-runtime==2.8, which lacks 2 operators GELU of "
    ):
        targets.refuse("it", missing, target("tflite-runtime==2.8"))


def test_only_dense_layers_can_be_mended_and_only_once() -> None:
    row = formats.named("int8")
    dense = {"FULLY_CONNECTED of int8 with int8 (release 2.10.0)": 1}
    graph = dense_layers()
    other = mended(row, dense, graph)
    assert other is not None
    (added,) = [rule for rule in other.rules if rule not in row.rules]
    assert (added.scales, added.precision, added.operators) == ("tensor", "int8", ("FULLY_CONNECTED",))
    assert other.rules == (row.rules[0], added, *row.rules[1:])
    assert mended(other, dense, graph) is None
    assert mended(row, {**dense, "GELU of int8 (release 2.9.0)": 1}, graph) is None
    assert mended(row, {}, graph) is None and mended(formats.named("float32"), dense, graph) is None


def dense_layers() -> flatbuffer.Graph:
    """Two dense layers."""
    made = Made((1, 4))
    for _ in range(2):
        made.put(
            "FULLY_CONNECTED",
            made.last,
            made.constant(np.ones((4, 4))),
            shape=(1, 4),
            table="FullyConnectedOptions",
        )
    return made.graph()


def test_a_dense_layer_that_is_kept_in_float32_stays_so() -> None:
    """Rules behind the one that is mended hold as before; so do those for other layers."""
    dense = {"FULLY_CONNECTED of float32 with int8 (release 2.17.0)": 1}
    row, graph = replace(formats.named("dynamic"), rules=(DYNAMIC,)), dense_layers()
    first, second = (operation.outputs[0].name for operation in graph.operations)
    kept = replace(row, rules=(*row.rules, *keeping([second])))
    other = mended(kept, dense, graph)
    assert other is not None and other.rules[-1] == kept.rules[-1] and len(other.rules) == len(kept.rules) + 1
    other = mended(replace(row, rules=(*row.rules, *keeping(["conv*"]))), dense, graph)
    assert other is not None
    assert [(rule.precision, rule.scales) for rule in other.rules] == [
        ("dynamic", "channel"), ("dynamic", "tensor"), ("float32", "channel"),
    ]  # fmt: skip
    # A rule for some layers is followed by one for these, where some of them are dense.
    two = replace(row, rules=(replace(DYNAMIC, layers=first), replace(DYNAMIC, layers="conv*")))
    other = mended(two, dense, graph)
    assert other is not None and [(rule.layers, rule.scales) for rule in other.rules] == [
        (first, "channel"),
        (first, "tensor"),
        ("conv*", "channel"),
    ]


def test_dense_layers_get_one_scale_for_an_older_runtime(
    third_party: Path, photos: Path, tmp_path: Path
) -> None:
    """Scales for each row of a dense layer, as a recipe may ask for them, need a release that this one is not."""
    remarks = Remarks()
    recipe = Recipe("dynamic", (DYNAMIC,))
    source, given = Source(str(third_party / "theirs.keras")), Calibration(str(photos))
    (file,) = export(
        source, [], tmp_path, given, remarked=remarks, recipe=recipe, target_runtime="tflite-runtime==2.14"
    )
    (said,) = (remark for remark in remarks.rows if remark.code == "target-runtime")
    assert said.text == (
        "dynamic: each dense layer has one scale, because tflite-runtime==2.14 lacks FULLY_CONNECTED of float32 with "
        "int8 (release 2.17.0)"
    )
    assert file.passport.minimum_runtime == "2.9.0"
    graph = flatbuffer.graph(file.path.read_bytes(), "it")
    (dense,) = (operation for operation in graph.operations if operation.kind == "FULLY_CONNECTED")
    assert dense.inputs[1] is not None and len(dense.inputs[1].scales) == 1
    assert file.passport.recipe.entries[-1]["scales"] == "tensor"


def test_what_cannot_be_mended_is_refused(third_party: Path, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"the float32 file would not run on tensorflow==2.3, which lacks 1 operator CONV_2D of float32 "
        r"with float32 \(release 2.9.0\)"
    ):  # fmt: skip
        export(
            Source(str(third_party / "theirs.keras")), ["float32"], tmp_path, target_runtime="tensorflow==2.3"
        )
    assert list(tmp_path.iterdir()) == []


class Board:
    """A device that has some runtimes."""

    limits = ""

    def __init__(self, **found: str) -> None:
        self.name, self._found = "board", {name.replace("_", "-"): version for name, version in found.items()}
        self.runtimes = ("litert", "tflite-runtime", *(name for name in self._found if name == "app"))
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def close(self) -> None: ...
    def stop(self) -> None: ...
    def probe(self) -> None: ...
    def put(self, model: Path) -> str:
        return str(model)

    def version(self, runtime: str) -> str:
        if runtime not in self._found:
            raise EnvironmentProblem(f"{runtime} is not installed on board")
        return self._found[runtime]


@pytest.mark.parametrize(
    ("found", "wanted", "words"),
    [
        ({"litert": "2.3.0"}, None, "board has litert 2.3.0; the files may have any operator"),
        (
            {"litert": "2.3.0", "tflite_runtime": "2.9.1"},
            Target("tflite-runtime", "2.9.1"),
            "board has litert 2.3.0 and tflite-runtime 2.9.1; the files are for tflite-runtime==2.9.1, the oldest",
        ),
        (
            {"tflite_runtime": "2.5.0.post1"},
            Target("tflite-runtime", "2.5.0"),
            "board has tflite-runtime 2.5.0.post1; the files are for tflite-runtime==2.5.0, the oldest",
        ),
        ({"litert": "unknown"}, None, "board has litert unknown; the files may have any operator"),
    ],
)
def test_a_device_is_asked_for_its_runtimes(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, str], wanted: Target | None, words: str
) -> None:
    board, remarks = Board(**found), Remarks()
    monkeypatch.setattr(probed, "device_of", lambda _: board)
    assert probed.runtime("board", remarks) == wanted and board.closed
    assert [row.text for row in remarks.rows] == [words]


@pytest.mark.parametrize(
    ("found", "error", "words"),
    [
        ({"app": "1"}, UsageError, "does not say of which release"),
        ({"tflite_runtime": "unknown"}, UsageError, "does not say of which release"),
        ({"litert": "2.3.0", "tflite_runtime": "unknown"}, UsageError, "does not say of which release"),
        ({}, EnvironmentProblem, "litert is not installed"),
    ],
)
def test_a_device_that_does_not_say_is_no_target(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, str], error: type[Exception], words: str
) -> None:
    monkeypatch.setattr(probed, "device_of", lambda _: Board(**found))
    with pytest.raises(error, match=words):
        probed.runtime("board", no_remark)


def test_this_machine_is_a_device_that_says_what_it_has() -> None:
    remarks = Remarks()
    probed.runtime("local", remarks)
    assert f"local has litert {version('ai-edge-litert')}" in remarks.rows[0].text


def test_what_is_neither_a_release_nor_a_device_is_refused() -> None:
    with pytest.raises(UsageError, match=r"is no release, such as tflite-runtime==2\.14, and no device"):
        probed.runtime("no such thing", no_remark)
