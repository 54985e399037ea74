"""JSON from anywhere: unambiguous, and bounded in memory, in time and in depth."""

import json
import time
from pathlib import Path

import pytest

from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.documents import MOST_CONTAINERS, MOST_VALUES, parse_json
from mobilecnn.errors import InputError
from mobilecnn.quantize.evaluation import Evaluation
from mobilecnn.records import schema


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "its member 'c' is there twice"),
        (b'{"seed": 1, "seed": 1}', "its member 'seed' is there twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 50_000, "nested too deeply"),
        (b"[" + b"{}," * (MOST_CONTAINERS + 1) + b"1]", "more than 1,048,576 lists"),
        (b"[" + b"1," * (MOST_VALUES + 1) + b"1]", "or 8,388,608 values"),
        (b"1" * 10_000, "a number of thousands of digits"),
        (b"[-" + b"9" * 5000 + b"]", "a number of thousands of digits"),
        (b'{"a": 1', "delimiter"),
        (b"\xff\xfe\xff", "decode"),
        (b"", "Expecting value"),
    ],
)
def test_a_document_that_is_none_is_refused_in_words(content: bytes, words: str) -> None:
    began = time.process_time()
    with pytest.raises(ValueError, match=words):
        parse_json(content)
    assert time.process_time() - began < 20


@pytest.mark.parametrize("record", [Measurement, Evaluation], ids=["measurement", "evaluation"])
@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', "[" * 100_000, "9" * 5000])
def test_every_record_is_read_by_it(tmp_path: Path, record: type[Measurement], text: str) -> None:
    (tmp_path / "it.json").write_text(text)
    with pytest.raises(InputError, match=r"it\.json is not a.*: it is not JSON \("):
        record.read(tmp_path / "it.json")
    assert schema(tmp_path / "it.json") is None


def test_what_json_can_hold_is_read() -> None:
    document = {"a": [1, -2.5, True, None, "\u00e9"], "b": {"c": {}}}
    for encoding in ("utf-8", "utf-16", "utf-32"):
        assert parse_json(json.dumps(document, ensure_ascii=False).encode(encoding)) == document
