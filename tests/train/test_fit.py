"""Training: the course it takes, stopping and continuing, what is refused."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trainings import interrupt_after, small_plan, weights_digest, write_class, write_colors

from mobilecnn.contract import InputContract, contract_for
from mobilecnn.errors import DataError, OutputError, UsageError
from mobilecnn.remarks import Remarks
from mobilecnn.train import batches, checkpoint, fit, optimizers, zoo
from mobilecnn.train.datasets import load
from mobilecnn.train.keras_file import read_info
from mobilecnn.train.learner import compiled, trainable_form
from mobilecnn.train.plan import TrainingPlan, best

PLAN = TrainingPlan("squeezenet_v1.1", "digits", 32)


@pytest.fixture(scope="module")
def colors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colors(tmp_path_factory.mktemp("colors"))


def test_a_resumed_training_takes_the_same_course(keras: Any, colors: Path, tmp_path: Path) -> None:
    plan = small_plan(colors, class_weights=True, augment="modern", label_smoothing=0.1)
    whole = fit.run(fit.prepare(plan, tmp_path / "whole.keras"))
    assert not checkpoint.folder(tmp_path / "whole.keras").exists()

    output = tmp_path / "parts.keras"
    with pytest.raises(KeyboardInterrupt):
        fit.run(fit.prepare(plan, output), on_epoch=interrupt_after(2))
    assert checkpoint.saved_epochs(output) == 2
    assert not output.exists()
    assert [path.name for path in sorted(checkpoint.folder(output).iterdir())] == [
        "epoch-2.npz",
        "state.json",
    ]

    # Another plan would not be the same training.
    for changes, name in (
        ({"epochs": 5}, "epochs was 4"),
        ({"seed": 4}, "seed was 3"),
        ({"augment": "none"}, "augm"),
    ):
        with pytest.raises(UsageError, match=f"cannot resume: {name}"):
            fit.prepare(replace(plan, **changes), output, resume=True)

    parts = fit.run(fit.prepare(plan, output, resume=True))
    assert [row.epoch for row in parts.history] == [1, 2, 3, 4]
    for ours, theirs in zip(parts.history, whole.history, strict=True):
        assert replace(ours, seconds=0) == replace(theirs, seconds=0)
    assert weights_digest(keras, parts.path) == weights_digest(keras, whole.path)
    assert not checkpoint.folder(output).exists()

    # What the file knows of itself, and what lies beside it.
    info = read_info(output)
    assert info.architecture == "squeezenet_v1.1"
    assert info.labels == ("blue", "green", "red")
    assert info.contract == zoo.contract(zoo.parse("squeezenet_v1.1", size=32))
    assert info.training is not None
    assert (info.training["epochs"], info.training["images"], info.training["validation_images"]) == (
        4,
        34,
        8,
    )
    with parts.history_path.open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "epoch",
        "learning_rate",
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "seconds",
    ]
    assert [float(row["val_loss"]) for row in rows] == [row.val_loss for row in parts.history]
    # Saved for inference: no optimizer in it.
    assert (
        not hasattr(keras.models.load_model(output), "optimizer")
        or keras.models.load_model(output).optimizer is None
    )


def test_shufflenet_learns_and_the_saved_model_is_the_learner(
    keras: Any, colors: Path, tmp_path: Path
) -> None:
    # Batch normalization, grouped convolutions written out while training, native in the file.
    plan = small_plan(colors, architecture="shufflenet_v1_x0.25_g2", epochs=6, augment="none")
    job = fit.prepare(plan, tmp_path / "model.keras")
    outcome = fit.run(job)
    assert outcome.learning_rate == 0.005
    assert outcome.history[-1].loss < 0.5 * outcome.history[0].loss
    assert outcome.kept == best(outcome.history)
    model = keras.models.load_model(outcome.path)
    x = (job.validation.take(np.arange(len(job.validation))).astype(np.float32) - 127.5) / 127.5
    scores = model.predict(x, verbose=0)
    accuracy = (scores.argmax(axis=1) == job.validation.labels).mean()
    assert accuracy == pytest.approx(outcome.kept.val_accuracy)
    loss = -np.log(scores[np.arange(len(scores)), job.validation.labels]).mean()
    assert loss == pytest.approx(outcome.kept.val_loss, abs=1e-4)


def test_a_part_of_the_data_is_validated_on(colors: Path, tmp_path: Path) -> None:
    for name in ("train", "val"):
        shutil.copytree(colors, tmp_path / "set" / name)
    shutil.rmtree(tmp_path / "set" / "val" / "blue")
    remarks = Remarks()
    job = fit.prepare(small_plan(tmp_path / "set"), tmp_path / "model.keras", remarked=remarks)
    assert job.classes == ("blue", "green", "red")
    assert np.bincount(job.training.labels).tolist() == [22, 12, 8]
    assert np.bincount(job.validation.labels).tolist() == [0, 12, 8]
    assert [remark.code for remark in remarks.rows] == ["part", "part", "not-validated"]
    assert remarks.rows[-1].text.endswith(
        "has no image of 1 class that " + f"{tmp_path / 'set' / 'train'} has: blue"
    )
    (tmp_path / "set" / "val" / "red").rename(tmp_path / "set" / "val" / "pink")
    with pytest.raises(DataError, match=r"val has classes that .*train does not have: pink"):
        fit.prepare(small_plan(tmp_path / "set"), tmp_path / "model.keras")


def test_one_class_that_holds_classes_is_named(colors: Path, tmp_path: Path) -> None:
    shutil.copytree(colors, tmp_path / "set" / "colors")
    words = rf"one class only \(colors\); .* if those in {tmp_path / 'set' / 'colors'} are the classes, give that folder"
    with pytest.raises(DataError, match=words):
        fit.prepare(small_plan(tmp_path / "set"), tmp_path / "model.keras")


def test_damaged_pictures_are_all_listed_before_training(
    colors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(colors, tmp_path / "set")
    for label in ("blue", "red"):
        (tmp_path / "set" / label / "0.png").write_bytes(b"")
    plan, output = small_plan(tmp_path / "set"), tmp_path / "model.keras"
    with pytest.raises(
        DataError, match=r"2 of 42 images .*blue/0\.png is an empty file; .*red/0\.png is an empty"
    ):
        fit.prepare(plan, output)
    monkeypatch.setattr(batches, "_spool", lambda folder, size: None)
    with pytest.raises(DataError, match="2 of 42 images"):
        fit.prepare(plan, output)
    job = fit.prepare(plan, output, skip_bad=True)
    assert len(job.training) + len(job.validation) == 40


def test_grouped_convolutions_written_out_compute_the_same(keras: Any) -> None:
    layers = keras.layers
    keras.utils.set_random_seed(0)
    image = keras.Input((9, 9, 6))
    x = layers.Conv2D(
        12, 3, strides=2, padding="same", groups=3, activation="relu", bias_initializer="normal"
    )(image)
    x = layers.Conv2D(8, 1, groups=4, use_bias=False)(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.Dense(3, activation="softmax")(x))
    learner = compiled(trainable_form(model), PLAN, 0.01, 3)
    batch = np.random.default_rng(0).normal(size=(4, 9, 9, 6)).astype(np.float32)
    np.testing.assert_allclose(
        learner.predict_on_batch(batch), model.predict(batch, verbose=0), rtol=1e-5, atol=1e-6
    )
    assert [weight.shape for weight in learner.weights] == [weight.shape for weight in model.weights]


def test_the_step_is_traced_once(keras: Any) -> None:
    model = zoo.build("squeezenet_v1.1", classes=3, size=32)
    learner = compiled(trainable_form(model), PLAN, 0.001, 3)
    traces = 0
    step = learner.train_step

    def counting(*args: Any, **kwargs: Any) -> Any:
        nonlocal traces
        traces += 1
        return step(*args, **kwargs)

    learner.train_step = counting
    x, y = np.zeros((4, 32, 32, 3), np.float32), np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    for _ in range(3):
        learner.train_on_batch(x, y)
    assert traces == 1


def test_default_sizes_and_rates(keras: Any) -> None:
    for text, data, size in [
        ("shufflenet_v1_x0.25_g3", "digits", 64),
        ("shufflenet_v1_x0.25_g3", "photos", 224),
        ("alexnet", "digits", 67),
        ("mobilenet_v1_x0.25_128", "digits", 128),
    ]:
        assert fit.default_size(zoo.parse(text), data) == size
    assert optimizers.default_rate("adam", zoo.build("squeezenet_v1.1", size=32)) == 0.0003


def test_the_held_out_digits_are_never_seen(tmp_path: Path) -> None:
    job = fit.prepare(TrainingPlan("squeezenet_v1.1", "digits", 32), tmp_path / "model.keras")
    contract: InputContract = contract_for("tf", (32, 32, 3))
    held_out = load("digits", "test")
    unseen = {pixels.tobytes() for pixels in held_out.pixels(contract)}
    every = np.concatenate([part.take(np.arange(len(part))) for part in (job.training, job.validation)])
    assert len(every) + len(held_out) == 1797
    # No two of the 1,797 pictures are equal, so equal pixels would be the same picture.
    assert not unseen & {pixels.tobytes() for pixels in every}


def test_a_class_with_one_image_is_trained_on_and_that_is_said(tmp_path: Path) -> None:
    write_class(tmp_path / "few", "red", 1)
    write_class(tmp_path / "few", "blue", 8)
    remarks = Remarks()
    fit.prepare(small_plan(tmp_path / "few"), tmp_path / "model.keras", remarked=remarks)
    (said,) = [remark for remark in remarks.rows if remark.code == "not-validated"]
    assert said.names == ("red",) and "too few images of 1 class to validate on one: red" in said.text


def test_bad_data(tmp_path: Path) -> None:
    def refused(folder: Path, message: str) -> None:
        with pytest.raises(DataError, match=message):
            fit.prepare(small_plan(folder), tmp_path / "model.keras")

    refused(tmp_path / "nowhere", "no such folder")
    write_class(tmp_path / "one", "red", 3)
    refused(tmp_path / "one", "one class only .red.")
    refused(tmp_path / "one" / "red", "has loose images")
    write_class(tmp_path / "single", "red", 1)
    write_class(tmp_path / "single", "blue", 1)
    refused(tmp_path / "single", "one image a class")
    write_class(tmp_path / "damaged", "red", 3)
    write_class(tmp_path / "damaged", "blue", 3)
    broken = tmp_path / "damaged" / "red" / "1.png"
    broken.write_bytes(broken.read_bytes()[:200])
    refused(tmp_path / "damaged", f"{broken} is a damaged image")


def test_bad_outputs(colors: Path, tmp_path: Path) -> None:
    plan = small_plan(colors)
    with pytest.raises(UsageError, match=r"write -o .*model\.keras"):
        fit.prepare(plan, tmp_path / "model.h5")
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        fit.prepare(plan, tmp_path / "folder.keras")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="it is a file, and a folder is expected"):
        fit.prepare(plan, tmp_path / "file" / "model.keras")
