"""``mobilecnn data``, and the commands that read what it made."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sets
from click.testing import CliRunner, Result
from PIL import Image

from mobilecnn.cli import cli
from mobilecnn.errors import DataError
from mobilecnn.quantize.evaluation import NO_BETTER
from mobilecnn.quantize.origins import say_seen
from mobilecnn.remarks import Remark, Remarks
from mobilecnn.train.datasets import load
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.datasets.seen import MEMBER

pytestmark = pytest.mark.usefixtures("forked")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def document(*arguments: object) -> dict[str, Any]:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def codes(made: dict[str, Any]) -> dict[str, int]:
    """Code -> count of the remarks, but the one about a model that guesses: so short a training may have taught nothing."""
    return {remark["code"]: remark["count"] for remark in made["remarks"] if remark["code"] != NO_BETTER}


def test_inspect_prints_what_the_document_holds(tmp_path: Path) -> None:
    source = sets.isic(tmp_path / "isic")
    typed = ("data", "inspect", source, "--sheet", tmp_path / "sheet.png")
    shown, made = run(*typed), document(*typed)
    assert shown.exit_code == 0 and (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
    assert made["counts"] == {"": sets.CLASSES} and made["sheet"] == str(tmp_path / "sheet.png")
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert ["MEL", "6"] in lines and ["all", "20"] in lines and ["groups:", "10"] in lines
    assert ["sizes:", "14x12", "(20)"] in lines and ["formats:", "JPEG", "RGB", "(20)"] in lines


def test_inspect_lists_what_is_wrong(tmp_path: Path) -> None:
    source = Path(sets.part_folders(tmp_path / "data"))
    shutil.copy(source / "train/DF/00.png", source / "test/NV/copy.png")
    (source / "train/NV/bad.png").write_bytes(b"no")
    shown = run("data", "inspect", source)
    assert shown.exit_code == 0
    for words in ("cannot be read: 1 image", "bad.png is not a JPEG", "same content in two parts: 1", "same content in two classes: 1", "copy.png (test NV)"):  # fmt: skip
        assert words in shown.stdout


def test_prepare_writes_once(tmp_path: Path) -> None:
    source, output = sets.class_folders(tmp_path / "data"), tmp_path / "m.json"
    made = document("data", "prepare", source, "-o", output, "--test", 0.3, "--seed", 4)
    sums = {part: sum(rows.values()) for part, rows in made["counts"].items()}
    assert sums == {"train": 10, "validation": 4, "test": 6}
    before = output.read_bytes()
    refused = run("data", "prepare", source, "-o", output)
    assert refused.exit_code == 2 and output.read_bytes() == before and "never replaced" in refused.stderr
    assert json.loads(before)["seed"] == 4


def test_a_class_without_an_image_to_train_on_is_refused(tmp_path: Path) -> None:
    """Rows name the classes of all parts, so that the part to train on has the name and no image of it."""
    source = Path(sets.csv_file(tmp_path / "rows", divided=True))
    lines = source.read_text().splitlines()
    source.write_text(
        "\n".join([lines[0], *[line for line in lines[1:] if not line.endswith("DF,train")]]) + "\n"
    )
    words = f"part of {source} has images of 1 class that no image to train on has: DF; leave them out"
    done = CliRunner().invoke(cli, ["data", "prepare", str(source), "-o", str(tmp_path / "made.json")])
    assert done.exit_code == 2 and words in done.stderr and not (tmp_path / "made.json").exists(), done.output
    asked = ["train", "lenet5", "--data", str(source), "-o", str(tmp_path / "m.keras")]
    done = CliRunner().invoke(cli, asked)
    assert done.exit_code == 2, done.output
    assert f"{source} has no image to train on of 1 class: DF; add some, or take it out" in done.stderr
    # The remedy works.
    source.write_text("\n".join(line for line in lines if ",DF," not in line) + "\n")
    done = CliRunner().invoke(cli, ["data", "prepare", str(source), "-o", str(tmp_path / "made.json")])
    assert done.exit_code == 0, done.output


def test_an_empty_part_is_no_other_part(tmp_path: Path) -> None:
    root = tmp_path / "set"
    sets.class_folders(root / "train")
    (root / "test" / "NV").mkdir(parents=True)
    made = str(tmp_path / "made.json")
    done = CliRunner().invoke(cli, ["data", "prepare", str(root), "-o", made])
    assert (
        done.exit_code == 2
        and f"{root / 'test'} has no images; put some into it, or remove it" in done.stderr
    )
    with pytest.raises(DataError, match="test has no images, and the test part is wanted; put some into it"):
        load(str(root), "test")
    shutil.rmtree(root / "test")
    assert CliRunner().invoke(cli, ["data", "prepare", str(root), "-o", made]).exit_code == 0


@pytest.mark.parametrize("augment", ["none", "lesion", "modern"])
def test_preview_writes_a_sheet(augment: str, tmp_path: Path) -> None:
    source, sheet = sets.class_folders(tmp_path / "data"), tmp_path / "sheet.png"
    made = document("data", "preview", source, "--augment", augment, "--size", 32, "-o", sheet)
    assert made["sheet"] == str(sheet) and made["augment"] == augment
    with Image.open(sheet) as image:
        pixels = np.asarray(image.convert("L"))
    # Eight rows of eight tiles; where nothing is done, those of a row are alike.
    tiles = [
        [pixels[4 + 100 * row :][:96, 130 + 100 * column :][:, :96] for column in range(8)]
        for row in range(8)
    ]
    for row in tiles:
        assert all((tile == row[0]).all() for tile in row) == (augment == "none")
    first = sheet.read_bytes()
    document("data", "preview", source, "--augment", augment, "--size", 32, "-o", sheet)
    assert sheet.read_bytes() == first
    document("data", "preview", source, "--augment", augment, "--size", 32, "--seed", 1, "-o", sheet)
    assert sheet.read_bytes() != first


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("--augment", "cutout", "-o", "a.png"), "'none', 'shift'"),
        (("--size", 0, "-o", "a.png"), "0 x 0 pixels"),
        (("--size", 100000, "-o", "a.png"), "are possible"),
        (("--size", "3x4x5", "-o", "a.png"), "is no size"),
        (("-o", "a.jpg"), "a sheet is a PNG file"),
    ],
)
def test_a_preview_that_makes_no_sense_is_refused(
    typed: tuple[object, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = run("data", "preview", sets.class_folders(tmp_path / "data"), *typed)
    assert refused.exit_code == 2 and words in refused.stderr and not list(tmp_path.glob("a.*"))


def test_a_share_for_a_part_that_is_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for part in ("train", "val"):
        sets.class_folders(Path("data") / part)
    refused = run("data", "prepare", "data", "-o", "m.json", "--validation", 0.3)
    assert refused.exit_code == 2 and not Path("m.json").exists()
    assert "--validation has no effect, for data has a part 'validation' of its own" in refused.stderr
    # The defaults are for what is missing.
    assert document("data", "prepare", "data", "-o", "m.json", "--test", 0.2)["counts"]["test"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with class folders, their manifest, a model trained on it, and an int8 file calibrated on it."""
    root = tmp_path_factory.mktemp("trained")
    sets.class_folders(root / "data")
    document("data", "prepare", root / "data", "-o", root / "m.json", "--validation", 0.25, "--test", 0.25)
    made = document(
        "train", "lenet5", "--data", root / "m.json", "--epochs", 1, "-o", root / "it.keras"
    )  # fmt: skip
    counts = document("data", "inspect", root / "m.json")["counts"]
    assert made["images"] == sum(counts["train"].values())
    assert made["validation_images"] == sum(counts["validation"].values())
    assert made["classes"] == list(sets.CLASSES) and set(codes(made)) == {"part"}
    done = run(
        "export", root / "it.keras", "--int8", "--calibration", root / "m.json", "--data", root / "data",
        "-o", root / "out", "--json",
    )  # fmt: skip
    assert done.exit_code in (0, 1)  # So short a training may guess.
    exported = json.loads(done.stdout)
    (root / "said.json").write_text(json.dumps(codes(exported)))
    card = exported["files"][0]["passport"]
    seen = card["calibration"]["images"] + card["parity"]["data"]["images"]
    assert seen == made["images"], (
        "calibration takes the images to train on, only, and a third of these judges"
    )
    assert card["training"]["data"] == str(root / "m.json")
    return root


def evaluate(root: Path, *arguments: object) -> dict[str, Any]:
    return document("evaluate", root / "out/it.int8.tflite", *arguments)


def calibrated(root: Path) -> int:
    """Number of images that calibrated the int8 file: those to train on but for the third that judges it."""
    images: int = json.loads((root / "out/it.int8.json").read_text())["calibration"]["images"]
    return images


def seen(root: Path, dataset: Dataset) -> dict[str, Remark]:
    """What is said of the Keras file and the int8 file together, as evaluate says it."""
    remarks = Remarks()
    say_seen([root / "it.keras", root / "out/it.int8.tflite"], dataset, remarks)
    return {remark.code: remark for remark in remarks.rows}


def test_the_test_part_is_new_to_the_model(trained: Path) -> None:
    made = evaluate(trained, "--data", trained / "m.json")
    counts = document("data", "inspect", trained / "m.json")["counts"]
    assert made["images"] == sum(counts["test"].values()) and set(codes(made)) == {"part"}
    assert seen(trained, load(str(trained / "m.json"), "test")) == {}


def test_images_that_were_trained_on_are_said(trained: Path, tmp_path: Path) -> None:
    manifest = str(trained / "m.json")
    train, validation = load(manifest, "train"), load(manifest, "validation")
    of_train = codes(evaluate(trained, "--data", manifest, "--split", "train"))
    expected = ("part", "train-part", "trained-on", "calibrated-on")
    assert of_train == {**dict.fromkeys(expected, len(train)), "calibrated-on": calibrated(trained)}
    said = seen(trained, validation)
    assert set(said) == {"trained-on"} and said["trained-on"].count == len(validation)
    # The same files by another name: by their content.
    copy = tmp_path / "copy"
    shutil.copytree(trained / "data", copy)
    said = seen(trained, load(str(copy)))
    counts = {code: remark.count for code, remark in said.items()}
    assert counts == {"trained-on": len(train) + len(validation), "calibrated-on": calibrated(trained)}
    text = said["trained-on"].text
    assert text.startswith(
        f"{copy}: {counts['trained-on']} of 20 images are among those that {trained / 'it.keras'}, "
    )
    assert "it.int8.tflite trained or validated on, so that" in text


def test_export_says_what_it_is_judged_by(trained: Path) -> None:
    counts = document("data", "inspect", trained / "m.json")["counts"]
    train, validation = (sum(counts[part].values()) for part in ("train", "validation"))
    said = json.loads((trained / "said.json").read_text())
    assert said == {"part": train, "calibrated-on": calibrated(trained), "trained-on": train + validation}


def test_evaluate_prints_the_figures_of_each_class(trained: Path, tmp_path: Path) -> None:
    typed = ("evaluate", trained / "out/it.int8.tflite", "--data", trained / "m.json")
    made = document(*typed)
    (result,) = made["results"]
    done = run(*typed, "--by-class", "--confusion", tmp_path / "c.png")
    assert done.exit_code == 0, done.output
    for row in result["figures"]["classes"]:
        share = row["sensitivity"]
        (line,) = [text for text in done.stdout.splitlines() if text.startswith(f"{row['name']} ")]
        assert f"{share['value']:.1%} ({share['low']:.1%} .. {share['high']:.1%})" in line
    assert sum(map(sum, result["figures"]["confusion"])) == made["images"]
    assert result["figures"]["balanced"]["value"] == pytest.approx(result["balanced_accuracy"])
    figures = result["figures"]
    for plain in (done, run(*typed)):
        titles = [line for line in plain.stdout.splitlines() if "AUC, mean" in line]
        assert len(titles) == 1 and "balanced" in titles[0] and "top-5" not in titles[0]
        # So few images tell nothing of a calibration error.
        assert figures["calibration_error"] is None and "calibration error" not in titles[0]
        for name in ("balanced", "auc"):
            figure = figures[name]
            assert f"{figure['value']:.1%} ({figure['low']:.1%} .. {figure['high']:.1%})" in plain.stdout
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    refused = run(*typed, "--confusion", tmp_path / "c.svg")
    assert refused.exit_code == 2 and "is a PNG file" in refused.stderr


def test_images_that_were_moved_after_training_are_known(trained: Path, tmp_path: Path) -> None:
    """The source that a file names is not read again: it may be gone, another one by now, or named from another folder."""
    shutil.copytree(trained, tmp_path / "copy")
    for name in ("m.json", "data"):
        (trained / name).rename(trained / f"away-{name}")
    try:
        counts = {code: one.count for code, one in seen(trained, load(str(tmp_path / "copy/data"))).items()}
        assert seen(trained, load(str(tmp_path / "copy/m.json"), "test")) == {}
    finally:
        for name in ("m.json", "data"):
            (trained / f"away-{name}").rename(trained / name)
    manifest = str(trained / "m.json")
    trainings = len(load(manifest, "train")) + len(load(manifest, "validation"))
    assert counts == {"trained-on": trainings, "calibrated-on": calibrated(trained)}


def test_a_file_that_says_nothing_is_not_asked(trained: Path, tmp_path: Path) -> None:
    for name, text in (
        ("bare", None),
        ("theirs", '{"schema": "theirs"}'),
        ("other", (trained / "out/it.int8.json").read_text()),
    ):
        content = (trained / "out/it.int8.tflite").read_bytes()
        (tmp_path / f"{name}.tflite").write_bytes(content)
        if text is not None:
            (tmp_path / f"{name}.json").write_text(text)
    dataset = load(str(trained / "m.json"), "train")
    said: list[str] = []
    for name in ("bare", "theirs", "other"):
        remarks = Remarks()
        say_seen([tmp_path / f"{name}.tflite"], dataset, remarks)
        said += [f"{name} {remark.code}" for remark in remarks.rows]
    assert said == ["other trained-on", "other calibrated-on"]


@pytest.mark.parametrize("kept", [None, "", "not Base64", 3])
def test_a_file_that_does_not_say_its_images_is_named(trained: Path, tmp_path: Path, kept: object) -> None:
    """Those of older versions, which named the source alone; and those that somebody has written."""
    members = json.loads((trained / "out/it.int8.json").read_text())
    members["training"].pop(MEMBER)
    if kept is not None:
        members["training"][MEMBER] = kept
    members["calibration"].pop("each")
    (tmp_path / "it.tflite").write_bytes((trained / "out/it.int8.tflite").read_bytes())
    (tmp_path / "it.json").write_text(json.dumps(members))
    remarks = Remarks()
    say_seen([tmp_path / "it.tflite"], load(str(trained / "m.json"), "test"), remarks)
    assert [remark.code for remark in remarks.rows] == ["trained-elsewhere", "calibrated-elsewhere"]
    for remark, done, verb in zip(remarks.rows, ("trained", "calibrated"), ("train", "export"), strict=True):
        assert "whether these images are new to" in remark.text and remark.text.endswith(f"; {verb} it again")
        assert f"which ones it was {done} on" in remark.text


def test_a_changed_file_stops_every_command(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "it")
    root = tmp_path / "it"
    for path in (root / "data").rglob("*.png"):
        path.write_bytes(path.read_bytes() + b"x")
    manifest = root / "m.json"
    for typed in (
        ("train", "lenet5", "--data", manifest, "-o", root / "new.keras"),
        ("evaluate", root / "it.keras", "--data", manifest),
        ("export", root / "it.keras", "--int8", "--calibration", manifest, "-o", root / "new"),
        ("export", root / "it.keras", "--float32", "--data", manifest, "-o", root / "new"),
    ):
        refused = run(*typed)
        assert (
            refused.exit_code == 2 and "(changed)" in refused.stderr and str(root / "data") in refused.stderr
        )
        assert not (root / "new.keras").exists() and not list(root.glob("new/*.tflite"))


def test_what_makes_no_sense_is_refused(trained: Path) -> None:
    refused = run("evaluate", trained / "it.keras", "--data", trained / "data", "--split", "test")
    assert refused.exit_code == 2 and "is not divided into parts" in refused.stderr
    refused = run(
        "train", "lenet5", "--data", trained / "m.json", "--validation", 0.2, "-o", trained / "x.keras"
    )
    assert refused.exit_code == 2
    assert (
        f"--validation has no effect, for images of {trained / 'm.json'} are validated on; leave it out"
        in refused.stderr
    )
