"""Which files a report is made of, and how others are refused."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import results
from hypothesis import given
from hypothesis import strategies as st
from results import made, written

from mobilecnn.bench.pages import result_files
from mobilecnn.errors import InputError
from mobilecnn.quantize.evaluation import Evaluation


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return results.three(tmp_path_factory.mktemp("results"))


GOOD = results.measured().to_json()


def damaged(*where: str | int, value: Any) -> dict[str, Any]:
    document: Any = json.loads(json.dumps(GOOD))
    inner = document
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    assert isinstance(document, dict)
    return document


def test_an_evaluation_of_the_first_version_has_no_remarks() -> None:
    document = results.evaluation().to_json()
    remarks = document.pop("remarks")
    assert Evaluation.from_json({**document, "version": 1}).remarks == () and remarks == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("hello", "is not a measurement, a long run or counts of `mobilecnn bench`, or a result .*: it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "bad.json: it is not a measurement, a long run or counts of `mobilecnn bench`, or a result"),
        ('{"schema": "something else"}', "bad.json: it is not a measurement"),
        (json.dumps(damaged("version", value=99)), "bad.json: a measurement of version 99"),
        (json.dumps(damaged("runs", 0, "samples_ns", 0, value="fast")), r"bad.json: runs\[0\].samples_ns\[0\]"),
        (json.dumps({**results.evaluation().to_json(), "version": 7}), "bad.json: an evaluation of version 7"),
        (json.dumps({**results.evaluation().to_json(), "results": []}), "bad.json: the document: the results"),
        ('{"source": "", "rows": [], "measurement": "../gone.json"}', "bad.json is made of the measurement .*gone.json"),
        ('{"source": "", "rows": [], "measurement": 3}', "bad.json: measurement must be the name of a file"),
        (None, "no such result: .*bad.json"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("as_folder", [False, True])
def test_what_is_no_result_is_refused_by_name(
    tmp_path: Path, three: list[Path], content: str | None, words: str, as_folder: bool
) -> None:
    bad = tmp_path / "bad.json"
    if content is not None:
        bad.write_text(content)
    with pytest.raises(InputError, match=words):
        result_files.read([three[0], tmp_path if as_folder and content is not None else bad])


def test_passports_that_lie_beside_are_passed_over(tmp_path: Path, three: list[Path]) -> None:
    folder = three[0].parent
    (beside,) = written(tmp_path, passport={"schema": "mobilecnn.passport", "version": 1})
    for path in three:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert made(tmp_path) == made(folder)
    with pytest.raises(InputError, match=r"passport\.json: it is not"):
        result_files.read([*three, beside])


@pytest.mark.parametrize(
    ("member", "value"),
    [("correct", 501), ("images", 0), ("accuracy", 0.9), ("interval", [0.1, 0.2]), ("interval", [0.1]), ("file", 3)],
)  # fmt: skip
def test_an_evaluation_that_contradicts_itself_is_refused(tmp_path: Path, member: str, value: Any) -> None:
    document = copy.deepcopy(results.evaluation().to_json())
    document["results"][1][member] = value
    with pytest.raises(InputError, match=r"it\.json: results\[1\]"):
        result_files.read(written(tmp_path, it=document))


def test_an_evaluation_survives_the_disk() -> None:
    evaluation = results.evaluation()
    assert Evaluation.from_json(json.loads(json.dumps(evaluation.to_json()))) == evaluation


def test_only_accuracies_are_no_report(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no measurement in .*mobilecnn bench"):
        result_files.read(written(tmp_path, it=results.evaluation()))
    with pytest.raises(InputError, match=r"holds no \.json file"):
        (tmp_path / "empty").mkdir()
        result_files.read([tmp_path / "empty"])


def test_a_speedup_stands_for_its_measurement(tmp_path: Path) -> None:
    (record,) = written(tmp_path / "sp", measurement=results.measured())
    (summary,) = written(
        tmp_path / "sp",
        speedup={"source": "x", "rows": [], "measurement": "old/place/measurement.json", "chart": "c"},
    )
    assert made(summary) == made(record) == made(record.parent)


def test_older_and_partial_measurements_are_read(tmp_path: Path) -> None:
    old = copy.deepcopy(GOOD)
    old["version"] = 1
    for model in old["models"]:
        del model["answers"]
    old["runs"] = [run for run in old["runs"] if run["round"] < 2]
    old["version"] = 1
    path = tmp_path / "it.partial.json"
    path.write_text(json.dumps(old))
    text = made(path)
    assert "<strong>Answers not checked</strong>: timed before answers were checked" in text
    assert "2 of 3, cut short" in text


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(sorted(GOOD)) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(anything, st.sampled_from(["mobilecnn.measurement", "mobilecnn.evaluation", None]), st.integers(0, 3))
def test_garbage_is_refused_and_never_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, document: Any, schema: str | None, version: int
) -> None:
    if isinstance(document, dict) and schema is not None:
        document = {**document, "schema": schema, "version": version}
    path = tmp_path_factory.getbasetemp() / "garbage.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"garbage\.json"):
        result_files.read([path])
