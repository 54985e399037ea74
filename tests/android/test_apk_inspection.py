"""What ``ci/inspection.py`` says of the models in an APK: stored, byte-equal, aligned, and those that were staged."""

import json
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sample_app import MODELS, ROOT, copy_app

from mobilecnn.errors import CheckFailed
from mobilecnn.files import sha256

MODEL = b"TFL3" + bytes(range(256)) * 5
"""Bytes in place of a model, which compress well."""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A copy of the app with one model, which runs everywhere, and its passport."""
    app = copy_app(tmp_path)
    (app / MODELS / "digits.tflite").write_bytes(MODEL)
    card = {"file": {"sha256": sha256(MODEL)}, "minimum_runtime": "2.3.0"}
    (app / MODELS / "digits.json").write_text(json.dumps(card))
    return app


@pytest.fixture
def chain(app: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The modules of ``ci/``, working on the copy."""
    monkeypatch.syspath_prepend(ROOT / "android_demo/ci")
    modules = {name: import_module(name) for name in ("assemble", "gradle", "inspection", "tools")}
    monkeypatch.setattr(modules["tools"], "MODELS", app / MODELS)
    monkeypatch.setattr(modules["gradle"], "PROJECT", app)
    return modules


@pytest.fixture
def packed(chain: dict[str, Any], tmp_path: Path) -> Path:
    """What the build packs beside the resources: code, models, native libraries."""
    settings = chain["gradle"].read_settings()
    aar, dex, apk = (tmp_path / name for name in ("tflite.aar", "classes.dex", "app.apk"))
    with zipfile.ZipFile(aar, "w") as archive:
        for abi in settings.abis:
            archive.writestr(f"jni/{abi}/libtensorflowlite_jni.so", b"\x7fELF")
    dex.write_bytes(b"dex")
    chain["assemble"]._add_content(apk, dex, aar, settings)
    return apk


def inspect(chain: dict[str, Any], apk: Path) -> None:
    with zipfile.ZipFile(apk) as archive:
        chain["inspection"]._inspect_models(archive, chain["gradle"].read_settings())


def pack(apk: Path, contents: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(apk, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(f"assets/models/{name}", content)
    return apk


def test_what_the_build_packs_passes(
    chain: dict[str, Any], packed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inspect(chain, packed)
    (line,) = capsys.readouterr().out.splitlines()
    assert line == "model: digits.tflite, stored, byte-equal, needs TensorFlow Lite 2.3.0 of 2.16.1"
    with zipfile.ZipFile(packed) as archive:
        entry = archive.getinfo("assets/models/digits.tflite")
        assert (entry.compress_type, archive.read(entry)) == (zipfile.ZIP_STORED, MODEL)


def test_what_is_packed_otherwise_is_refused(chain: dict[str, Any], app: Path, tmp_path: Path) -> None:
    staged = {path.name: path.read_bytes() for path in sorted((app / MODELS).glob("digits.*"))}
    apk = tmp_path / "other.apk"
    inspect(chain, pack(apk, staged))
    with pytest.raises(CheckFailed, match=r"digits\.tflite is compressed, and cannot be mapped"):
        inspect(chain, pack(apk, staged, zipfile.ZIP_DEFLATED))
    for name, content in staged.items():
        other = {**staged, name: bytes([content[0] ^ 1]) + content[1:]}
        with pytest.raises(CheckFailed, match=f"{name} is not the file that was staged"):
            inspect(chain, pack(apk, other))
        with pytest.raises(CheckFailed, match="the APK's assets are"):
            inspect(chain, pack(apk, {other: staged[other] for other in staged.keys() - {name}}))
    with pytest.raises(CheckFailed, match=r"the APK's assets are .*old\.tflite"):
        inspect(chain, pack(apk, {**staged, "old.tflite": MODEL}))


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ({"file": {"sha256": "0" * 64}, "minimum_runtime": "2.3.0"}, "not the file that its passport describes"),
        ({"file": {"sha256": sha256(MODEL)}, "minimum_runtime": "2.17.0"}, "needs TensorFlow Lite 2.17.0, .* has 2.16.1"),
    ],
)  # fmt: skip
def test_a_model_that_would_not_run_is_refused(
    chain: dict[str, Any], app: Path, tmp_path: Path, card: dict[str, Any], words: str
) -> None:
    (app / MODELS / "digits.json").write_text(json.dumps(card))
    staged = {path.name: path.read_bytes() for path in (app / MODELS).glob("digits.*")}
    with pytest.raises(CheckFailed, match=words):
        inspect(chain, pack(tmp_path / "app.apk", staged))


def test_a_model_that_begins_at_an_odd_address_is_refused(chain: dict[str, Any], tmp_path: Path) -> None:
    # The name's length decides where the content begins: 30 bytes of header, the name, the content.
    for name in ("abcd", "abc", "ab", "a"):
        apk = pack(tmp_path / f"{name}.apk", {name: MODEL})
        begins = 30 + len(f"assets/models/{name}")
        if begins % 4 == 0:
            chain["inspection"]._inspect_alignment(apk)
        else:
            with pytest.raises(CheckFailed, match="zipalign"):
                chain["inspection"]._inspect_alignment(apk)
