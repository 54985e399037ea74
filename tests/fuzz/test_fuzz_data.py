"""Damaged data sets: read, or refused in one line, by ``data inspect`` and ``data prepare``."""

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import fuzz_json
import fuzz_tables
import pytest
import sets
from fuzz_verdict import LONG, SHORT, Case, report, run, seeds, sweep


@pytest.mark.parametrize("times", [SHORT, LONG])
def test_manifests(tmp_path: Path, times: int) -> None:
    """40 manifests, or 1,600."""
    sound = json.loads(Path(sets.manifest(tmp_path, sets.class_folders(tmp_path / "data"))).read_text())

    def cases() -> Iterator[Case]:
        for name, random in seeds("manifest", 40 * times):
            (tmp_path / "it.json").write_bytes(fuzz_json.mutated(random, sound))
            yield name, partial(run, ["data", "inspect", tmp_path / "it.json"])

    report("manifests", sweep(cases(), tmp_path / "kept"), tmp_path)


@pytest.mark.parametrize("times", [SHORT, LONG])
@pytest.mark.parametrize("kind", ["CSV", "one-hot", "lesions"])
def test_tables(kind: str, tmp_path: Path, times: int) -> None:
    """40 tables of each kind, or 1,600."""
    if kind == "CSV":
        source = path = Path(sets.csv_file(tmp_path / "it", divided=True))
    else:
        source = Path(sets.isic(tmp_path / "it"))
        truth = f"{sets.ISIC}_Training_GroundTruth"
        path = source / (
            f"{truth}/{truth}.csv" if kind == "one-hot" else f"{sets.ISIC}_Training_LesionGroupings.csv"
        )
    sound = path.read_text()

    def cases() -> Iterator[Case]:
        for name, random in seeds(f"table-{kind}", 40 * times):
            path.write_bytes(fuzz_tables.table(random, sound))
            made = tmp_path / "made.json"
            made.unlink(missing_ok=True)
            yield f"{name} inspect", partial(run, ["data", "inspect", source])
            yield (
                f"{name} prepare",
                partial(run, ["data", "prepare", source, "-o", made, "--validation", "0"]),
            )

    report("tables", sweep(cases(), tmp_path / "kept"), tmp_path)


@pytest.mark.parametrize("times", [SHORT, LONG])
def test_idx_files(tmp_path: Path, times: int) -> None:
    """40 files, or 1,600."""
    source = Path(sets.idx(tmp_path / "idx", packed=False))
    shutil.copytree(source, tmp_path / "sound")

    def cases() -> Iterator[Case]:
        for name, random in seeds("idx", 40 * times):
            chosen = random.choice(sorted(path.name for path in (tmp_path / "sound").iterdir()))
            for path in source.iterdir():
                path.unlink()
            shutil.copytree(tmp_path / "sound", source, dirs_exist_ok=True)
            content = fuzz_tables.idx(random, (tmp_path / "sound" / chosen).read_bytes())
            packed = content[:2] == b"\x1f\x8b" and "ubyte" in chosen
            (source / chosen).unlink()
            (source / f"{chosen}{'.gz' if packed else ''}").write_bytes(content)
            yield f"{name} {chosen}", partial(run, ["data", "inspect", source])

    report("IDX files", sweep(cases(), tmp_path / "kept"), tmp_path)
