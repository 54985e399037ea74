"""What the end of a Keras model shows of its scores, and what is no row of scores at all."""

from collections.abc import Callable
from typing import Any

import pytest

from mobilecnn.convert.outputs import score_count, shown_by_keras
from mobilecnn.errors import ModelFileError

CLASSES = 4

Build = Callable[[Any, Any], Any]
"""Function of Keras and features, (batch, 6, 6, 3), that gives the outputs."""


def flat(keras: Any, x: Any) -> Any:
    return keras.layers.GlobalAveragePooling2D()(x)


def dense(keras: Any, x: Any, activation: Any = None, classes: int = CLASSES) -> Any:
    return keras.layers.Dense(classes, activation=activation)(flat(keras, x))


def nested(keras: Any, x: Any, inner: Callable[[Any], Any], kind: str) -> Any:
    """``inner`` as a model of its own, on a dense layer of the outer one."""
    before = dense(keras, x)
    if kind == "sequential":
        return keras.Sequential([keras.Input((CLASSES,)), inner(keras)])(before)
    source = keras.Input((CLASSES,))
    return keras.Model(source, inner(keras)(source))(before)


def deep(keras: Any, x: Any) -> Any:
    """Many additions of a tensor to itself: as many ways to the beginning as 2 to the 60."""
    x = dense(keras, x)
    for _ in range(60):
        x = keras.layers.Add()([x, x])
    return x


def endless(keras: Any, x: Any) -> Any:
    x = dense(keras, x, "softmax")
    for _ in range(300):
        x = keras.layers.Identity()(x)
    return x


SHOWN: list[tuple[str, str, Build]] = [
    ("softmax", "dense", lambda k, x: dense(k, x, "softmax")),
    ("softmax", "layer", lambda k, x: k.layers.Softmax()(dense(k, x))),
    ("softmax", "activation", lambda k, x: k.layers.Activation("softmax")(dense(k, x))),
    ("softmax", "operation", lambda k, x: k.ops.softmax(dense(k, x), axis=-1)),
    ("softmax", "layer as a function", lambda k, x: dense(k, x, k.layers.Softmax())),
    ("softmax", "function", lambda k, x: k.activations.softmax(dense(k, x))),
    ("softmax", "dropout behind", lambda k, x: k.layers.Dropout(0.5)(dense(k, x, "softmax"))),
    ("softmax", "linear behind", lambda k, x: k.layers.Activation("linear", dtype="float32")(dense(k, x, "softmax"))),
    ("softmax", "cast behind", lambda k, x: k.ops.cast(dense(k, x, "softmax"), "float16")),
    ("unknown", "cut to integers", lambda k, x: k.ops.cast(k.ops.cast(dense(k, x, "sigmoid"), "int32"), "float32")),
    ("softmax", "map of one place", lambda k, x: k.layers.Flatten()(k.layers.Softmax()(k.layers.Conv2D(CLASSES, 6)(x)))),
    ("softmax", "map of one place, kept", lambda k, x: k.layers.Conv2D(CLASSES, 6, activation="softmax")(x)),
    ("softmax", "mean of places", lambda k, x: flat(k, k.layers.Conv2D(CLASSES, 1, activation="softmax")(x))),
    ("softmax", "ensemble", lambda k, x: k.layers.Average()([dense(k, x, "softmax"), dense(k, x, "softmax")])),
    ("softmax", "nested", lambda k, x: nested(k, x, lambda k: k.layers.Softmax(), "functional")),
    ("softmax", "nested sequential", lambda k, x: nested(k, x, lambda k: k.layers.Dense(CLASSES, "softmax"), "sequential")),
    ("softmax", "one of the axes", lambda k, x: k.layers.Softmax(axis=1)(k.layers.Reshape((CLASSES, 1))(dense(k, x)))),
    ("softmax", "indexed", lambda k, x: k.layers.Conv2D(CLASSES, 6, activation="softmax")(x)[:, 0, 0, :]),
    ("sigmoid", "dense", lambda k, x: dense(k, x, "sigmoid")),
    ("sigmoid", "operation", lambda k, x: k.ops.sigmoid(dense(k, x))),
    ("sigmoid", "heads", lambda k, x: k.layers.Concatenate()([dense(k, x, "sigmoid", 1) for _ in range(CLASSES)])),
    ("sigmoid", "largest of places", lambda k, x: k.layers.GlobalMaxPooling2D()(k.layers.Conv2D(CLASSES, 1, activation="sigmoid")(x))),
    ("sigmoid", "nested", lambda k, x: nested(k, x, lambda k: k.layers.Activation("sigmoid"), "functional")),
    ("linear", "dense", lambda k, x: dense(k, x)),
    ("linear", "convolution and mean", lambda k, x: flat(k, k.layers.Conv2D(CLASSES, 1)(x))),
    ("linear", "normalized", lambda k, x: k.layers.BatchNormalization()(dense(k, x))),
    ("linear", "scaled", lambda k, x: k.layers.Rescaling(2.0)(dense(k, x))),
    ("linear", "sum", lambda k, x: k.layers.Add()([dense(k, x), dense(k, x)])),
    ("linear", "log softmax", lambda k, x: dense(k, x, "log_softmax")),
    ("linear", "nothing of its own", lambda k, x: nested(k, x, lambda k: k.layers.Identity(), "functional")),
    ("linear", "many ways", deep),
    ("unknown", "relu", lambda k, x: dense(k, x, "relu")),
    ("unknown", "tanh", lambda k, x: dense(k, x, "tanh")),
    ("unknown", "hard sigmoid", lambda k, x: dense(k, x, "hard_sigmoid")),
    ("unknown", "relu and mean", lambda k, x: flat(k, k.layers.Conv2D(CLASSES, 1, activation="relu")(x))),
    ("unknown", "half a softmax", lambda k, x: k.layers.Rescaling(0.5)(dense(k, x, "softmax"))),
    ("unknown", "one more than a sigmoid", lambda k, x: dense(k, x, "sigmoid") + 1.0),
    ("unknown", "turned round", lambda k, x: 1.0 - dense(k, x, "sigmoid")),
    ("unknown", "two softmaxes", lambda k, x: k.layers.Concatenate()([dense(k, x, "softmax", 2), dense(k, x, "softmax", 2)])),
    ("unknown", "largest softmax", lambda k, x: k.layers.GlobalMaxPooling2D()(k.layers.Conv2D(CLASSES, 1, activation="softmax")(x))),
    ("unknown", "softmax over places", lambda k, x: flat(k, k.layers.Softmax(axis=1)(k.layers.Conv2D(CLASSES, 1)(x)))),
    ("unknown", "part of a softmax", lambda k, x: dense(k, x, "softmax", 8)[:, :CLASSES]),
    ("unknown", "mixed", lambda k, x: k.layers.Average()([dense(k, x, "softmax"), dense(k, x, "sigmoid")])),
    ("unknown", "code", lambda k, x: k.layers.Lambda(lambda y: y, output_shape=(CLASSES,))(dense(k, x, "softmax"))),
    ("unknown", "too far", endless),
]  # fmt: skip


@pytest.mark.parametrize(
    ("shown", "build"),
    [row[::2] for row in SHOWN],
    ids=[f"{shown}: {name}" for shown, name, _ in SHOWN],
)
def test_only_what_the_graph_proves_is_concluded(keras: Any, shown: str, build: Build) -> None:
    image = keras.Input((6, 6, 3))
    model = keras.Model(image, build(keras, image))
    assert score_count(keras, model, (6, 6)) == CLASSES
    assert shown_by_keras(model, CLASSES) == shown
    # As it comes out of a file.
    if shown != "unknown":
        again = keras.Model.from_config(model.get_config())
        assert shown_by_keras(again, CLASSES) == shown
    sequential = keras.Sequential([keras.Input((6, 6, 3)), model])
    assert shown_by_keras(sequential, CLASSES) == (shown if build is not endless else "unknown")


def test_a_users_class_of_a_known_name_proves_nothing(keras: Any) -> None:
    class Softmax(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return 2 * x

    image = keras.Input((6, 6, 3))
    assert shown_by_keras(keras.Model(image, Softmax()(dense(keras, image))), CLASSES) == "unknown"


NO_SCORES: list[tuple[str, Build]] = [
    (r"\(batch, 6, 6, 4\), scores for each place .* segmentation", lambda k, x: k.layers.Conv2D(4, 1)(x)),
    (r"\(batch, 3, 4\), scores for each step", lambda k, x: k.layers.Reshape((3, 4))(dense(k, x, None, 12))),
    (r"\(batch, 2, 1, 2, 1\), several", lambda k, x: k.layers.Reshape((2, 1, 2, 1))(dense(k, x))),
    (r"int32 values, such as the number of a class", lambda k, x: k.ops.argmax(dense(k, x), axis=-1)),
    (r"bool values", lambda k, x: k.ops.greater(dense(k, x), 0.0)),
    (r"2 outputs \(probs, boxes\).*model.output\['probs'\]", lambda k, x: {"probs": dense(k, x), "boxes": dense(k, x)}),
    (r"2 outputs .*model.outputs\[0\]", lambda k, x: [dense(k, x), dense(k, x)]),
]  # fmt: skip


@pytest.mark.parametrize(("words", "build"), NO_SCORES, ids=[words[:24] for words, _ in NO_SCORES])
def test_what_is_no_row_of_scores_is_refused_for_what_it_is(keras: Any, words: str, build: Build) -> None:
    image = keras.Input((6, 6, 3))
    with pytest.raises(ModelFileError, match=words):
        score_count(keras, keras.Model(image, build(keras, image)), (6, 6))


def test_the_remedies_in_those_messages_work(keras: Any) -> None:
    image = keras.Input((6, 6, 3))
    two = keras.Model(image, {"probs": dense(keras, image), "boxes": dense(keras, image)})
    assert score_count(keras, keras.Model(two.inputs, two.output["probs"]), (6, 6)) == CLASSES
    several = keras.Model(image, [dense(keras, image), dense(keras, image)])
    assert score_count(keras, keras.Model(several.inputs, several.outputs[0]), (6, 6)) == CLASSES
    number = keras.Model(image, keras.ops.argmax(dense(keras, image), axis=-1))
    part = keras.Model(number.inputs, number.operations[-1].input)
    assert score_count(keras, part, (6, 6)) == CLASSES
    vectors = keras.Sequential([keras.Input((108,)), keras.layers.Dense(CLASSES)])
    pictures = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.Flatten(), vectors])
    assert score_count(keras, pictures, (6, 6)) == CLASSES and shown_by_keras(pictures, CLASSES) == "linear"


def test_a_free_size_is_counted_at_the_size_asked_for(keras: Any) -> None:
    image = keras.Input((None, None, 3), name="image")
    model = keras.Model(image, keras.layers.Conv2D(CLASSES, 6)(image))
    assert score_count(keras, model, (6, 6)) == CLASSES
    wrapped = keras.Model({"image": image}, {"probs": model(image)})
    sequential = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(CLASSES, 6)])
    assert score_count(keras, wrapped, (6, 6)) == score_count(keras, sequential, (6, 6)) == CLASSES
    for size, words in (
        ((None, None), "export with --size"),
        ((9, 6), r"\(1, 4, 1, 4\)|segmentation|several"),
    ):
        with pytest.raises(ModelFileError, match=words):
            score_count(keras, model, size)
