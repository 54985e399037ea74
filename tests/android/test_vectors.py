"""What the app's arithmetic and protocol are tested against is what Python computes and reads today."""

import json
import re
import runpy
from pathlib import Path

from mobilecnn.bench.measurement import Run, record

ROOT = Path(__file__).resolve().parent.parent.parent
RESOURCES = ROOT / "android_demo/core/src/test/resources"


def test_the_vectors_are_what_python_computes() -> None:
    made = runpy.run_path(str(ROOT / "scripts/android_vectors.py"))["vectors"]()
    assert (RESOURCES / "vectors.json").read_text() == made, "run: python scripts/android_vectors.py"


def test_python_reads_the_lines_that_the_benchmark_logs() -> None:
    """The file that the Java test holds the benchmark's lines to: the parts are a document with a Run."""
    *lines, end = (RESOURCES / "benchmark_lines.txt").read_text().splitlines()
    assert end == "MOBILECNN_DONE run-7 0"
    parts = []
    for number, line in enumerate(lines, 1):
        found = re.fullmatch(r"MOBILECNN run-7 (\d+)/(\d+) (.*)", line)
        assert found and (int(found[1]), int(found[2])) == (number, len(lines))
        parts.append(found[3])
    document = json.loads("".join(parts))
    assert (document["schema"], document["version"]) == ("mobilecnn.android", 1)
    # The app knows nothing of what the harness adds, or of what Android does not tell.
    run = document["run"]
    unread = dict.fromkeys(
        ("throttled", "load_average", "available_bytes", "swapped_bytes", "thermal_status")
    )
    sides = {side: {**unread, "governors": [], **run[side]} for side in ("before", "after")}
    added = {
        "round": 0,
        "position": 0,
        "model": 0,
        "heaviest_cpu_seconds": {},
        "cooled": None,
        "summary": None,
    }
    run = record(Run, {**added, **run, **sides})
    assert len(run.samples_ns) == len(document["native_ns"]) == 500 and len(run.warmup_ns) == 5
    assert all(outer > inner for outer, inner in zip(run.samples_ns, document["native_ns"], strict=True))
