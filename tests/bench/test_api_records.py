"""Records through ``import mobilecnn``: loading, summarizing and comparing them."""

from pathlib import Path

import pytest
from results import evaluation, measured

import mobilecnn
from mobilecnn.errors import CheckFailed
from mobilecnn.files import write_json


def test_records_are_loaded_as_what_they_are(tmp_path: Path) -> None:
    for record in (measured(), evaluation()):
        write_json(tmp_path / "a.json", record.to_json())
        assert mobilecnn.load(tmp_path / "a.json") == record


def test_measurements_in_memory_and_on_disk_compare_alike(tmp_path: Path) -> None:
    slow, fast = measured(), measured(faster=2.0)
    write_json(tmp_path / "slow.json", slow.to_json())
    compared = mobilecnn.compare(tmp_path / "slow.json", fast)
    assert compared == mobilecnn.compare(slow, fast)
    valid = [row.time.verdict for row in compared.rows if row.time.valid]
    assert set(valid) == {"faster"} and len(valid) < len(compared.rows)
    assert {row.time.verdict for row in compared.rows if not row.time.valid} == {"undecided"}
    forced = mobilecnn.compare(slow, fast, even_invalid=True)
    assert {row.time.verdict for row in forced.rows} == {"faster"}
    with pytest.raises(CheckFailed):
        mobilecnn.compare(fast, slow, max_slowdown=0.05)
    assert mobilecnn.summarize(slow) == mobilecnn.summarize(str(tmp_path / "slow.json"))
