"""What the app's arithmetic is tested against is what Python computes today."""

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
RESOURCES = ROOT / "android_demo/core/src/test/resources"


def test_the_vectors_are_what_python_computes() -> None:
    made = runpy.run_path(str(ROOT / "scripts/android_vectors.py"))["vectors"]()
    assert (RESOURCES / "vectors.json").read_text() == made, "run: python scripts/android_vectors.py"
