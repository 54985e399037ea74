"""What a wheel's libraries need, read from them, and which versions are chosen for a board by that."""

import json
import os
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
from elf_file import elf

from mobilecnn.bench.devices import wheels
from mobilecnn.bench.devices.wheels import Choice, System, judged
from mobilecnn.bench.devices.worker.elf import MOST_VERSIONS, Needs, of_wheel, read
from mobilecnn.errors import EnvironmentProblem, UsageError

PI = System("pi", "aarch64", 31, 4096, (3, 11))
NEW = "ai_edge_litert-2.3.0-cp311-cp311-manylinux_2_27_aarch64.whl"
OLD = "ai_edge_litert-2.1.0-cp311-cp311-manylinux_2_27_aarch64.whl"


def wheel(folder: Path, name: str, *libraries: bytes) -> Path:
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("it/__init__.py", "")
        for number, content in enumerate(libraries):
            archive.writestr(f"it/_{number}.so", content)
    return folder / name


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize(
    ("versions", "glibc"),
    [
        ([("GLIBC_2.17", 0)], 17),
        ([("GLIBC_2.2.5", 0), ("GLIBC_2.34", 0), ("GLIBC_2.4", 0)], 34),
        ([("GLIBC_2.17", 0), ("GLIBC_2.38", 2)], 17),  # A weak one stops no loader.
        ([("GLIBC_2.17", 0), ("GLIBC_ABI_DT_RELR", 0)], 36),
        ([("GLIBCXX_3.4.29", 0), ("LIBC", 0), ("GLIBC_PRIVATE", 0)], 0),
    ],
)
def test_the_c_library_that_a_library_needs(versions: list[tuple[str, int]], glibc: int, wide: bool) -> None:
    assert read(elf(versions, 16384, wide)) == Needs(glibc, 16384)


def test_a_real_library() -> None:
    library = next(Path(np.__file__).parent.glob("*core/_multiarray_umath.*.so"))
    assert (
        0 < read(library.read_bytes()).glibc <= int((os.confstr("CS_GNU_LIBC_VERSION") or "").split(".")[1])
    )


def test_damaged_libraries_are_refused_or_read() -> None:
    generator = random.Random(3)
    whole = elf([("GLIBC_2.17", 0), ("GLIBC_2.34", 0)])
    for _ in range(2000):
        content = bytearray(whole)
        for _ in range(generator.randint(1, 6)):
            content[generator.randrange(len(content))] = generator.choice(
                (0, 1, 255, generator.randrange(256))
            )
        cut = bytes(content[: generator.choice((len(content), generator.randrange(len(content))))])
        try:
            needs = read(cut)
        except ValueError:
            continue
        assert needs.glibc < 1000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x7fELF",
        b"MZ" + bytes(200),
        b"\x7fELF\x02\x02" + bytes(100),
        b"\x7fELF\x02\x01" + b"\xff" * 100,
    ],
)
def test_what_is_no_library(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"it is no|its program headers|ends in"):
        read(content)


def test_a_library_beyond_the_bounds() -> None:
    with pytest.raises(ValueError, match="more versions"):
        read(elf([("GLIBC_2.17", 0)] * (MOST_VERSIONS + 2)))


def test_a_wheel_needs_what_its_libraries_need(tmp_path: Path) -> None:
    file = wheel(tmp_path, NEW, elf(), elf([("GLIBC_2.34", 0)], 4096))
    assert of_wheel(file) == Needs(34, 4096)
    assert of_wheel(wheel(tmp_path, "pure-1-py3-none-any.whl")) == Needs(0, None)


@pytest.mark.parametrize("damage", ["cut", "text", "library"])
def test_a_damaged_wheel(tmp_path: Path, damage: str) -> None:
    file = wheel(tmp_path, NEW, b"no library" if damage == "library" else elf())
    if damage != "library":
        file.write_bytes(b"text" if damage == "text" else file.read_bytes()[:-30])
    with pytest.raises(ValueError, match="it is no"):
        of_wheel(file)


def test_versions_that_a_board_cannot_load_are_left_out() -> None:
    choice = Choice("litert")
    assert judged(choice, {NEW: Needs(34, 65536)}, PI) == [NEW]
    assert choice.requirements == ["ai-edge-litert!=2.3.0"]
    assert choice.reasons == "ai-edge-litert 2.3.0 needs glibc 2.34, and pi has 2.31"
    assert judged(choice, {OLD: Needs(30, 65536)}, PI) == []
    small = System("pi5", "aarch64", 36, 16384, (3, 11))
    assert judged(choice, {OLD: Needs(30, 4096)}, small) == [OLD]
    assert "built for memory pages of 4 KB, and those of pi5 have 16 KB" in choice.reasons


def test_what_a_package_needs_is_kept_beside_the_limits() -> None:
    choice = Choice("tflite-runtime")
    choice.refuse("numpy", "1.26.4", "needs glibc 2.40")
    choice.refuse("Typing_Extensions", "4.0", "is bad")
    assert choice.requirements == ["tflite-runtime", "numpy<2,!=1.26.4", "typing-extensions!=4.0"]
    assert Choice("tflite-runtime", "2.13.0").requirements == ["tflite-runtime==2.13.0", "numpy<2"]


@pytest.mark.parametrize("version", ["", "2.3.0 --pre", "-e", ">=2", "newest"])
def test_what_is_no_version(version: str) -> None:
    with pytest.raises(UsageError, match="is no version"):
        Choice("litert", version)


def test_the_version_that_is_wanted_is_not_replaced() -> None:
    with pytest.raises(
        EnvironmentProblem,
        match=r"ai-edge-litert 2\.3\.0 needs glibc 2\.34, and pi has 2\.31; leave --version",
    ):
        judged(Choice("litert", "2.3.0"), {NEW: Needs(34, 65536)}, PI)


def test_what_wheels_need_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert wheels.remembered(PI) == {}
    wheels.remember({NEW: Needs(34, 65536), OLD: Needs(30, 65536), "pure-1-py3-none-any.whl": Needs(0, None)})
    assert wheels.remembered(PI) == {NEW: Needs(34, 65536), OLD: Needs(30, 65536)}
    for other in (System("pc", "x86_64", 31, 4096, (3, 11)), System("pi", "aarch64", 31, 4096, (3, 12))):
        assert wheels.remembered(other) == {}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "[" * 100_000, json.dumps({NEW: [34, "x"], OLD: [-1, 4096], "x": [1, 2], "y": None})],
)
def test_a_damaged_cache_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "mobilecnn").mkdir()
    (tmp_path / "mobilecnn" / "wheels.json").write_text(text)
    assert wheels.remembered(PI) == {}


def test_a_cache_that_cannot_be_written_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc")
    wheels.remember({NEW: Needs(34, 65536)})
    assert wheels.remembered(PI) == {}


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    wheels.remember({NEW: Needs(34, 65536)})
    assert wheels.remembered(PI) == {}
