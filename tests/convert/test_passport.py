"""Passports of all versions read; what is damaged is one clear error."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilecnn.convert import passport
from mobilecnn.convert.output_kinds import UNKNOWN
from mobilecnn.convert.passport import Passport
from mobilecnn.errors import InputError, ModelFileError

FOLDER = Path(__file__).parent.parent / "samples" / "passports"

SAMPLES = sorted((FOLDER / "3").glob("*.json"))
"""Passports of version 3: four formats, a zoo name for latency only, and one output."""

(TINY,) = (sample for sample in SAMPLES if sample.stem == "tiny.int8")
"""One for grey pictures of 8 x 8 in 10 classes."""

OLD_SAMPLES = sorted((FOLDER / "2").glob("*.json"))
"""Four formats and the zoo name, of version 2."""

OLDEST_SAMPLES = sorted(FOLDER.glob("*.json"))
"""The same of version 1."""

LABELLED = {
    "data": "digits", "images": 10, "classes": 2, "keras_correct": 9, "keras_chance": 0.01, "correct": 8, "lost": 1,
    "gained": 0,
}  # fmt: skip
"""A member ``labelled``."""

Change = Callable[[dict[str, Any]], object]


def place(folder: Path, sample: Path, change: Change | None = None) -> tuple[Path, str]:
    """A model's path with a copy of ``sample`` beside it, and the SHA-256 that the passport names."""
    document = json.loads(sample.read_text())
    digest = document["file"]["sha256"]
    if change is not None:
        change(document)
    model = folder / "it.tflite"
    passport.beside(model).write_text(json.dumps(document))
    return model, digest


def with_what_was_added(document: dict[str, Any]) -> dict[str, Any]:
    """A passport with the members that the samples of older versions were written without."""
    document["input"]["contract"]["overrides"] = ""
    return with_the_newest({**document, "labelled": None, "taken_back": {}, "training": None})


def with_the_newest(document: dict[str, Any]) -> dict[str, Any]:
    """A passport with the members that the samples of today's version were written without."""
    for images in (document["calibration"], document["parity"]["data"]):
        if images is not None:
            images.setdefault("each", [])
    return {
        "taken_back": {},
        "verdict": None,
        "findings": [],
        "corrections": [],
        "ladder": None,
        "gains": [],
        **document,
    }


def test_there_is_a_sample_of_each_format() -> None:
    formats = {json.loads(sample.read_text())["file"]["format"] for sample in SAMPLES}
    assert formats == {"float32", "float16", "int8", "dynamic"}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_passport_of_today_reads_and_writes(sample: Path) -> None:
    document = json.loads(sample.read_text())
    card = Passport.from_json(document)
    assert json.loads(card.to_bytes()) == with_the_newest(document)
    again = Passport.from_json(json.loads(card.to_bytes()))
    assert (again, again.to_bytes()) == (card, card.to_bytes())
    assert len(card.pictures) == len(card.golden) == 3
    assert all(picture.shape == card.contract.shape for picture in card.pictures)


def test_a_passport_from_before_a_member_was_added_reads() -> None:
    document = json.loads(TINY.read_text())
    del document["training"], document["labelled"]
    card = Passport.from_json(document)
    assert card.training is None and card.labelled is None and card.corrections == ()
    assert json.loads(card.to_bytes()) == with_the_newest(json.loads(TINY.read_text()))


VERDICT = {
    "verdict": "fail", "held_out": True, "images": 200, "agreeing": 20, "interval": [0.066, 0.149], "sqnr_db": -3.5,
    "sqnr_interval": [-4.0, -3.1], "least_agreement": 90.0, "least_sqnr_db": 10.0, "reason": "it agrees on 20", "next": "ship --float16",
}  # fmt: skip
"""A member ``verdict``."""

FINDING = {"code": "constant", "severity": "wrong", "text": "all are black", "fix": "give others"}
"""An entry of the member ``findings``."""


GAIN = {"graph": "finished", "operators": [40, 31], "partitions": [4, 1], "saved": {"x86": 95.1, "pi4": -2.5}}
"""An entry of the member ``gains``."""


def test_the_verdict_the_findings_and_the_gains_are_kept() -> None:
    document = {**json.loads(TINY.read_text()), "verdict": VERDICT, "findings": [FINDING], "gains": [GAIN]}
    card = Passport.from_json(document)
    assert card.verdict is not None and card.verdict.agreeing == 20 and card.findings[0].severity == "wrong"
    written = json.loads(card.to_bytes())
    assert (written["verdict"], written["findings"], written["gains"]) == (VERDICT, [FINDING], [GAIN])


@pytest.mark.parametrize(
    ("member", "value", "words"),
    [
        (
            "verdict",
            {**VERDICT, "verdict": "fine"},
            "verdict must be one of pass, fail, undecided, not judged",
        ),
        ("verdict", {**VERDICT, "agreeing": 201}, "agreeing is not a number of the images"),
        ("verdict", {**VERDICT, "images": 0}, "agreeing is not"),
        ("verdict", {**VERDICT, "interval": [0.1]}, "an interval has two limits"),
        ("verdict", {**VERDICT, "sqnr_interval": [0.1]}, "an interval has two limits"),
        ("findings", [{**FINDING, "severity": "bad"}], "severity must be one of wrong, doubtful, note"),
        ("findings", FINDING, "findings must be a list"),
        ("gains", [{**GAIN, "graph": "mine"}], "graph must be converted or finished"),
        ("gains", [{**GAIN, "partitions": [1]}], "a number before and one after"),
    ],
)
def test_a_member_that_contradicts_itself_is_refused(member: str, value: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Passport.from_json({**json.loads(TINY.read_text()), member: value})


CORRECTION = {
    "name": "bias_correction", "applied": True, "changed": 53, "ratio": None, "images": 96, "agreement_without": 0.754,
    "agreement_with": 0.906, "sqnr_db_without": 11.4, "sqnr_db_with": None,
    "halved": {"features": {"3": 10}}, "share": None,
}  # fmt: skip


def test_corrections_are_kept() -> None:
    card = Passport.from_json({**json.loads(TINY.read_text()), "corrections": [CORRECTION]})
    assert card.corrections[0].changed == 53 and json.loads(card.to_bytes())["corrections"] == [CORRECTION]
    with pytest.raises(InputError, match=r"corrections\[0\]: agreement must be from 0 to 1"):
        Passport.from_json(
            {**json.loads(TINY.read_text()), "corrections": [{**CORRECTION, "agreement_with": 2}]}
        )


def test_what_training_says_is_json_of_any_shape() -> None:
    training = {"data": "m.json", "size": [240, 320], "learning_rate": None, "accuracy": 0.5}
    card = Passport.from_json({**json.loads(TINY.read_text()), "training": training})
    assert json.loads(card.to_bytes())["training"] == training


@pytest.mark.parametrize("sample", [*OLD_SAMPLES, *OLDEST_SAMPLES], ids=lambda sample: sample.stem)
def test_an_older_passport_reads_and_says_nothing_of_what_it_did_not_know(sample: Path) -> None:
    document = json.loads(sample.read_text())
    card = Passport.from_json(document)
    assert card.kind == UNKNOWN and card.parity.constant is None
    if document["version"] == 1:
        assert card.lowering == {}
    document["parity"]["agreement"] = document["parity"].pop("top1_agreement")
    document["parity"] |= {"label_agreement": None, "constant": None}
    document["output"]["kind"] = "unknown"
    assert json.loads(card.to_bytes()) == with_what_was_added({"lowering": {}, **document, "version": 3})


@pytest.mark.parametrize("part", ["output", "parity"])
@pytest.mark.parametrize("value", [None, 7, [], "x", {}])
def test_an_older_passport_that_is_damaged_is_no_crash(part: str, value: Any) -> None:
    with pytest.raises(InputError, match=part):
        Passport.from_json({**json.loads(OLD_SAMPLES[0].read_text()), part: value})


def test_one_output_has_the_names_of_two_classes() -> None:
    (sample,) = (sample for sample in SAMPLES if sample.stem == "binary.int8")
    card = Passport.from_json(json.loads(sample.read_text()))
    assert (card.output.kind, card.output.scores, card.labels) == ("sigmoid-binary", 1, ("dark", "bright"))
    assert [len(golden.scores) for golden in card.golden] == [1, 1, 1]


def test_what_was_added_to_version_2_is_read_from_it_as_well() -> None:
    document = json.loads(OLD_SAMPLES[0].read_text())
    document["input"]["contract"]["overrides"] = "raw"
    card = Passport.from_json({**document, "labelled": LABELLED})
    assert card.contract.overrides == "raw" and card.labelled is not None and card.labelled.lost == 1
    assert card.kind == UNKNOWN


def test_labelled_images_and_a_range_set_aside_are_kept() -> None:
    cards = [Passport.from_json(json.loads(sample.read_text())) for sample in SAMPLES]
    assert {card.contract.overrides for card in cards} == {"", "unit"}
    (checked,) = (card.labelled for card in cards if card.labelled is not None)
    assert (checked.images, checked.keras_correct, checked.correct) == (60, 58, 57)


def test_what_a_passport_says() -> None:
    card = Passport.from_json(json.loads(TINY.read_text()))
    assert (card.file.name, card.file.format, card.source.model) == ("tiny.int8.tflite", "int8", "tiny.keras")
    assert card.contract.shape == (8, 8, 1) and card.labels[3] == "three"
    assert card.input.tensor.quantization is not None
    assert (card.input.tensor.dtype, card.input.tensor.quantization.zero_point) == ("int8", -128)
    assert card.calibration is not None and card.calibration == card.parity.data
    assert card.calibration.images == 20 and card.parity.tolerance is None and card.parity.holds
    assert card.recipe.io == "int8" and card.recipe.entries[0]["op_config"]["compute_precision"] == "INTEGER"
    assert card.minimum_runtime == "2.10.0" and card.operators[0].operator == "CONV_2D"
    assert card.lowering == {"stamp_versions": ("6 operators have another version",)}
    assert len(card.golden[0].scores) == 10 and card.latency_only == ()


def test_a_passport_is_found_beside_its_model(tmp_path: Path) -> None:
    model, digest = place(tmp_path, SAMPLES[0])
    card = passport.read(model, digest)
    assert card is not None and card.file.sha256 == digest
    with pytest.raises(ModelFileError, match="SHA-256 differs"):
        passport.read(model, "0" * 64)
    assert passport.read(tmp_path / "other.tflite", digest) is None


def test_members_that_are_unknown_here_are_passed_over(tmp_path: Path) -> None:
    def add(document: dict[str, Any]) -> None:
        document["new"] = {"deep": [1]}
        document["file"]["new"] = document["input"]["contract"]["new"] = 1

    model, digest = place(tmp_path, SAMPLES[0], add)
    assert passport.read(model, digest) == passport.read(*place(tmp_path, SAMPLES[0]))


def test_somebody_elses_json_is_no_passport(tmp_path: Path) -> None:
    model, digest = place(tmp_path, SAMPLES[0], lambda document: document.update(schema="theirs"))
    assert passport.read(model, digest) is None


@pytest.mark.parametrize("version", [0, 4, 99, "1", [1], 1.5, True, None])
def test_another_version_is_named(tmp_path: Path, version: Any) -> None:
    model, digest = place(tmp_path, SAMPLES[0], lambda document: document.update(version=version))
    words = r"it\.json: a passport of version .*; this mobilecnn reads 1 to 3; export the model again, or use"
    with pytest.raises(ModelFileError, match=words):
        passport.read(model, digest)
    with pytest.raises(InputError, match=r"a passport of version .* reads 1 to 3"):
        Passport.from_json({**json.loads(SAMPLES[0].read_text()), "version": version})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("version"), "a passport of version None"),
        (lambda d: d.pop("lowering"), "lowering is missing"),
        (lambda d: d.pop("golden"), "golden is missing"),
        (lambda d: d["parity"].pop("tolerance"), "parity.tolerance is missing"),
        (lambda d: d["output"].pop("kind"), "output.kind is missing"),
        (
            lambda d: d["output"].update(kind="probabilities"),
            "output: unknown kind of output 'probabilities'",
        ),
        (
            lambda d: d["output"].update(kind="sigmoid-binary"),
            "output: an output of kind sigmoid-binary .* 10 sc",
        ),
        (lambda d: d.update(labels=["a", "b", "c"]), "labels has 3 names for 10 outputs"),
        (lambda d: d.update(labels=[1]), r"labels\[0\] must be a text"),
        (lambda d: d["file"].update(bytes=-1), "file.bytes must be a whole number from 0"),
        (lambda d: d["golden"][2].update(scores=[float("nan")]), r"golden\[2\].scores\[0\] must be a finite"),
        (lambda d: d["golden"][0].update(scores=[10**400]), r"golden\[0\].scores\[0\] must be a finite"),
        (lambda d: d["parity"].update(holds=1), "parity.holds must be true or false"),
        (
            lambda d: d["input"]["contract"].update(std=[0.0]),
            r"input: std must not be 0, nor beyond 100000, and is \[0.0\]",
        ),
        (
            lambda d: d["input"]["contract"].update(std=[float("nan")]),
            r"input.contract.std\[0\] must be a finite number",
        ),
        (
            lambda d: d["input"]["contract"].update(mean=[float("nan")]),
            r"input.contract.mean\[0\] must be a finite",
        ),
        (lambda d: d["input"]["contract"].update(mean=[1e9]), "input: mean must be from -100000 to 100000"),
        (lambda d: d["input"]["contract"].update(mean=[]), "input: mean must have 1 value, one"),
        (
            lambda d: d["input"]["contract"].update(stated="false"),
            "input.contract.stated must be true or false",
        ),
        (
            lambda d: d["input"]["contract"].update(color="rgb"),
            "input: color must be rgb or bgr for 3 channels",
        ),
        (lambda d: d["input"]["contract"].update(height=10**9), "input: height x width must be from 1 to"),
        (
            lambda d: d["input"]["contract"].update(height=9),
            "input.tensor.shape has 64 values, and pictures .* 72",
        ),
        (lambda d: d["input"]["contract"].update(resize="crop"), "input: resize must be stretch"),
        (lambda d: d.update(labels=["a"] * 20), "labels has 20 names for 10 outputs"),
        (lambda d: d["golden"][1].update(scores=[0.5]), r"golden\[1\].scores has 1 value for 10 outputs"),
        (lambda d: d["output"]["tensor"].update(shape=[2**62, 4]), "labels has 10 names for 18,446"),
        *(
            (
                lambda d, given=given: d["parity"].update(tolerance=given),
                "parity: tolerance must be above 0, up to 0.01",
            )
            for given in (1e9, 1.0, 0.011, 0, -1e-6)
        ),
        (lambda d: d["parity"].update(agreement=98.9), "parity: agreement must be from 0 to 1"),
        (lambda d: d["input"]["contract"].update(overrides=None), "contract.overrides must be a text"),
        (lambda d: d.update(labelled={"data": "x"}), "labelled.images is missing"),
        (lambda d: d.update(labelled=LABELLED | {"correct": 11}), "labelled images contradict each other"),
        (lambda d: d.update(labelled=LABELLED | {"not_finite": 3}), "labelled images contradict each other"),
        (lambda d: d.update(labelled=LABELLED | {"lost": 2}), "labelled images contradict each other"),
        (lambda d: d["recipe"].update(entries=[nested(40)]), "nested too deeply"),
        (lambda d: d["recipe"].update(entries=[{"regex": float("inf")}]), "must be a finite number"),
    ],
)
def test_a_damaged_passport_is_named_with_its_member(tmp_path: Path, change: Change, words: str) -> None:
    model, digest = place(tmp_path, TINY, change)
    with pytest.raises(ModelFileError, match=rf"it\.json: .*{words}.*export the model again"):
        passport.read(model, digest)


def nested(depth: int) -> dict[str, Any]:
    return {"regex": nested(depth - 1)} if depth else {}


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", "[" * 100_000, "{}", '"mobilecnn.passport"'])
def test_what_is_no_json_object_is_damaged(tmp_path: Path, text: str) -> None:
    model = tmp_path / "it.tflite"
    passport.beside(model).write_text(text)
    with pytest.raises(ModelFileError, match="passport"):
        passport.read(model, "0" * 64)


WORST = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.lists(st.none(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)


@given(data=st.data())
def test_a_member_of_another_kind_is_read_or_refused_but_never_crashes(data: st.DataObject) -> None:
    document = json.loads(data.draw(st.sampled_from(SAMPLES)).read_text())
    part = document
    while True:
        name = data.draw(
            st.sampled_from(sorted(part)) if isinstance(part, dict) else st.sampled_from(range(len(part)))
        )
        inner = part[name]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            part[name] = data.draw(WORST)
            break
        part = inner
    try:
        card = Passport.from_json(document)
    except InputError:
        return
    json.dumps(card.to_json(), allow_nan=False)
