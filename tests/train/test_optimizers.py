"""Optimizers against their papers' formulas, initializers against theirs; averages of weights; computing in other types."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mobilecnn.train import optimizers
from mobilecnn.train.initializers import INITIALIZERS, fans, initialize
from mobilecnn.train.learner import PRECISIONS, averaged, compiled, first_step, trainable_form
from mobilecnn.train.plan import TrainingPlan

Values = npt.NDArray[np.float64]
STEPS = 6
RATES = [0.1, 0.1, 0.05, 0.05, 0.2, 0.2]


def plan(**members: Any) -> TrainingPlan:
    return TrainingPlan("lenet5", "digits", 32, **members)


@pytest.mark.parametrize(
    ("members", "used"),
    [
        ({"optimizer": "sgd"}, {"momentum": 0.9, "epsilon": None, "weight_decay": 0.0}),
        ({"optimizer": "sgd", "momentum": 0.5, "weight_decay": 0.1}, {"momentum": 0.5, "epsilon": None, "weight_decay": 0.1}),
        ({"optimizer": "adamw"}, {"momentum": None, "epsilon": 1e-7, "weight_decay": 0.01}),
        ({"optimizer": "rmsprop", "epsilon": 1.0}, {"momentum": 0.0, "epsilon": 1.0, "weight_decay": 0.0}),
    ],
)  # fmt: skip
def test_what_a_plan_leaves_open_is_known(members: dict[str, Any], used: dict[str, Any]) -> None:
    assert optimizers.used(plan(**members)) == used


def sgd(w: Values, gradients: list[Values], momentum: float) -> Values:
    """AlexNet's paper, section 5: the rate of a step goes into the momentum."""
    v = np.zeros_like(w)
    for g, rate in zip(gradients, RATES, strict=True):
        v = momentum * v - rate * g
        w = w + v
    return w


def rmsprop(w: Values, gradients: list[Values], momentum: float, epsilon: float) -> Values:
    """TensorFlow 1: epsilon under the root, the rate goes into the momentum."""
    s, v = np.zeros_like(w), np.zeros_like(w)
    for g, rate in zip(gradients, RATES, strict=True):
        s = 0.9 * s + 0.1 * g * g
        v = momentum * v + rate * g / np.sqrt(s + epsilon)
        w = w - v
    return w


def adadelta(w: Values, gradients: list[Values], epsilon: float) -> Values:
    """arXiv 1212.5701, algorithm 1, times the rate."""
    s, d = np.zeros_like(w), np.zeros_like(w)
    for g, rate in zip(gradients, RATES, strict=True):
        s = 0.95 * s + 0.05 * g * g
        step = -np.sqrt(d + epsilon) / np.sqrt(s + epsilon) * g
        d = 0.95 * d + 0.05 * step * step
        w = w + rate * step
    return w


def adam(w: Values, gradients: list[Values], epsilon: float, decoupled: float = 0.0) -> Values:
    """arXiv 1412.6980, section 2 with epsilon hat; 1711.05101 where the decay is decoupled."""
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, (g, rate) in enumerate(zip(gradients, RATES, strict=True), 1):
        w = w * (1 - rate * decoupled)
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        w = w - rate * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + epsilon)
    return w


PAPERS: dict[str, tuple[dict[str, Any], Callable[[Values, list[Values]], Values]]] = {
    "sgd": ({}, lambda w, g: sgd(w, g, 0.9)),
    "sgd, momentum 0.5": ({"momentum": 0.5}, lambda w, g: sgd(w, g, 0.5)),
    "rmsprop": ({}, lambda w, g: rmsprop(w, g, 0.0, 1e-7)),
    "rmsprop, as the MobileNets": (
        {"momentum": 0.9, "epsilon": 1.0},
        lambda w, g: rmsprop(w, g, 0.9, 1.0),
    ),
    "adadelta": ({}, lambda w, g: adadelta(w, g, 1e-7)),
    "adadelta, the paper's epsilon": ({"epsilon": 1e-6}, lambda w, g: adadelta(w, g, 1e-6)),
    "adam": ({}, lambda w, g: adam(w, g, 1e-7)),
    "adam, epsilon 0.1": ({"epsilon": 0.1}, lambda w, g: adam(w, g, 0.1)),
    "adamw": ({}, lambda w, g: adam(w, g, 1e-7, 0.01)),
    "adamw, decay 0.3": ({"weight_decay": 0.3}, lambda w, g: adam(w, g, 1e-7, 0.3)),
}


def stepped(keras: Any, chosen: TrainingPlan, start: Values, gradients: list[Values]) -> Any:
    """A variable after steps of the optimizer, at :data:`RATES`."""
    variable = keras.Variable(start.astype(np.float32))
    optimizer = optimizers.build(chosen, 1.0, [variable])
    optimizer.build([variable])
    for gradient, rate in zip(gradients, RATES, strict=True):
        optimizer.learning_rate = rate
        optimizer.apply([keras.ops.convert_to_tensor(gradient.astype(np.float32))], [variable])
    return keras.ops.convert_to_numpy(variable)


def numbers(shape: tuple[int, ...] = (3, 4)) -> tuple[Values, list[Values]]:
    generator = np.random.default_rng(1)
    return generator.normal(size=shape), [generator.normal(size=shape) for _ in range(STEPS)]


@pytest.mark.parametrize("name", PAPERS)
def test_the_papers_formula(keras: Any, name: str) -> None:
    members, paper = PAPERS[name]
    start, gradients = numbers()
    chosen = plan(optimizer=name.partition(",")[0], **members)
    np.testing.assert_allclose(
        stepped(keras, chosen, start, gradients), paper(start, gradients), rtol=2e-4, atol=2e-5
    )


def test_every_optimizer_is_tried() -> None:
    assert {name.partition(",")[0] for name in PAPERS} == set(optimizers.OPTIMIZERS)


@pytest.mark.parametrize("name", [name for name, row in optimizers.OPTIMIZERS.items() if not row.decoupled])
def test_decay_is_added_to_the_gradients_of_kernels(keras: Any, name: str) -> None:
    # With one step the penalized gradient is known beforehand.
    for shape in ((3, 4), (4,)):
        start, gradients = numbers(shape)
        decayed = optimizers.build(plan(optimizer=name, weight_decay=0.2), 0.1, [])
        plain = optimizers.build(plan(optimizer=name), 0.1, [])
        variables = [keras.Variable(start.astype(np.float32)) for _ in range(2)]
        penalty = 0.2 * start if len(shape) > 1 else 0.0
        for optimizer, variable, gradient in zip(
            (decayed, plain), variables, (gradients[0], gradients[0] + penalty), strict=True
        ):
            optimizer.apply([keras.ops.convert_to_tensor(gradient.astype(np.float32))], [variable])
        first, second = (keras.ops.convert_to_numpy(variable) for variable in variables)
        np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-6)


def test_what_has_one_axis_does_not_decay_with_adamw(keras: Any) -> None:
    start, gradients = numbers((4,))
    decayed, plain = (
        stepped(keras, plan(optimizer=name, weight_decay=decay), start, gradients)
        for name, decay in (("adamw", 0.3), ("adam", None))
    )
    np.testing.assert_allclose(decayed, plain, rtol=1e-6)


def tiny(keras: Any) -> Any:
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, use_bias=False)(image)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Conv2D(4, 3, groups=2, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))


BATCH = np.random.default_rng(0).normal(size=(6, 8, 8, 3)).astype(np.float32)
LABELS = np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 1, 0]]


def test_the_average_is_given_and_taken_back(keras: Any) -> None:
    chosen = plan(ema=0.8, optimizer="sgd")
    learner = compiled(trainable_form(tiny(keras)), chosen, 0.1, 2)
    expected: list[Values] = []
    for _ in range(4):
        learner.train_on_batch(BATCH, LABELS)
        own = [keras.ops.convert_to_numpy(variable) for variable in learner.trainable_variables]
        expected = (
            [0.8 * mean + 0.2 * value for mean, value in zip(expected, own, strict=True)] if expected else own
        )
    with averaged(learner, chosen):
        for variable, mean in zip(learner.trainable_variables, expected, strict=True):
            np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), mean, rtol=1e-4, atol=1e-6)
    for variable, value in zip(learner.trainable_variables, own, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)


def test_averaged_weights_have_the_statistics_of_the_same_steps(keras: Any) -> None:
    chosen = plan(ema=0.95, optimizer="sgd")
    learner = compiled(trainable_form(tiny(keras), ema=0.95), chosen, 0.5, 2)
    (norm,) = [layer for layer in learner.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = keras.Model(learner.inputs, norm.input)

    def statistics() -> Values:
        maps = before.predict_on_batch(BATCH)
        return np.stack([maps.mean(axis=(0, 1, 2)), maps.var(axis=(0, 1, 2))])

    expected: list[Values] = []
    for step in range(12):
        expected.append(statistics())
        with first_step(learner) if not step else nullcontext():
            learner.train_on_batch(BATCH, LABELS)
    mean = expected[0]
    for each in expected[1:]:
        mean = 0.95 * mean + 0.05 * each
    stored = np.stack([keras.ops.convert_to_numpy(v) for v in (norm.moving_mean, norm.moving_variance)])
    np.testing.assert_allclose(stored, mean, rtol=1e-3, atol=1e-5)
    with averaged(learner, chosen):
        of_the_average = statistics()
    # The weights have moved: their last statistics are no longer those of the average.
    assert np.abs(of_the_average - stored).max() < 0.5 * np.abs(of_the_average - statistics()).max()


def test_frozen_statistics_stay_with_averaged_weights(keras: Any) -> None:
    learner = trainable_form(tiny(keras), ema=0.95)
    (norm,) = [layer for layer in learner.layers if isinstance(layer, keras.layers.BatchNormalization)]
    norm.trainable = False
    compiled(learner, plan(ema=0.95, optimizer="sgd"), 0.5, 2)
    own = [keras.ops.convert_to_numpy(v) for v in (norm.moving_mean, norm.moving_variance)]
    with first_step(learner):
        learner.train_on_batch(BATCH, LABELS)
    for variable, value in zip((norm.moving_mean, norm.moving_variance), own, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)


def test_auxiliary_classifiers_weigh_as_in_the_paper(keras: Any) -> None:
    """Of three equal ones each auxiliary one has 0.3 of the main one's gradient; what all share has the sum of the three."""
    image = keras.Input((4, 4, 3))
    x = keras.layers.Dense(3, use_bias=False, name="shared")(keras.layers.GlobalAveragePooling2D()(image))
    heads = [
        keras.layers.Dense(2, activation="softmax", kernel_initializer="ones", name=name)(x)
        for name in ("main", "aux1", "aux2")
    ]
    steps = {}
    for count in (1, 3):
        keras.utils.set_random_seed(0)
        learner = trainable_form(keras.Model(image, heads[:count]))
        before = {weight.path: keras.ops.convert_to_numpy(weight).copy() for weight in learner.weights}
        compiled(learner, plan(optimizer="sgd", momentum=0.0), 0.5, 2)
        with first_step(learner):
            learner.train_on_batch(BATCH[:, :4, :4], [LABELS] * count)
        after = {weight.path: keras.ops.convert_to_numpy(weight) for weight in learner.weights}
        steps[count] = {path: after[path] - before[path] for path in before}
    main = steps[3]["main/kernel"]
    assert np.abs(main).max() > 1e-3
    np.testing.assert_allclose(main, steps[1]["main/kernel"], rtol=1e-5)
    for name in ("aux1", "aux2"):
        np.testing.assert_allclose(steps[3][f"{name}/kernel"], 0.3 * main, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(
        steps[3]["shared/kernel"], 1.6 * steps[1]["shared/kernel"], rtol=1e-4, atol=1e-7
    )


@pytest.mark.parametrize("precision", [name for name in PRECISIONS if name != "float32"])
def test_other_types_compute_nearly_the_same(keras: Any, precision: str) -> None:
    model = tiny(keras)
    chosen = plan(precision=precision, optimizer="sgd", ema=0.5)
    learner = compiled(trainable_form(model, precision=precision), chosen, 0.1, 2)
    kinds = {layer.compute_dtype for layer in learner.layers if layer.weights}
    assert kinds == {precision, "float32"} and learner.layers[-1].compute_dtype == "float32"
    assert {str(weight.dtype) for weight in learner.weights} == {"float32"}
    np.testing.assert_allclose(learner.predict_on_batch(BATCH), model.predict(BATCH, verbose=0), atol=0.02)
    losses = [float(learner.train_on_batch(BATCH, LABELS, return_dict=True)["loss"]) for _ in range(8)]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]


@pytest.mark.parametrize("own", [True, False])
def test_dropout_is_the_networks_or_comes_before_the_classifier(keras: Any, own: bool) -> None:
    model = tiny(keras)
    if own:
        *_, features, classifier = model.layers
        scores = classifier(keras.layers.Dropout(0.1)(features.output))
        model = keras.Model(model.inputs[0], scores)
    learner = trainable_form(model, dropout=0.9)
    still, moving = (keras.ops.convert_to_numpy(learner(BATCH, training=on)) for on in (False, True))
    np.testing.assert_allclose(still, model.predict(BATCH, verbose=0), rtol=1e-4, atol=1e-6)
    assert np.abs(moving - still).max() > 1e-3
    rates = [layer.rate for layer in learner._flatten_layers() if isinstance(layer, keras.layers.Dropout)]
    assert rates == [0.9]
    assert len(learner.weights) == len(model.weights)


def test_initial_values_have_the_papers_variance(keras: Any) -> None:
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 64))
    x = keras.layers.Conv2D(128, 3, groups=4)(image)
    x = keras.layers.DepthwiseConv2D(3)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(50)(x))
    grouped, depthwise, dense = (layer for layer in model.layers if layer.weights)
    assert fans(grouped) == (9 * 16, 9 * 32)
    assert fans(depthwise) == (9, 9)
    assert fans(dense) == (128, 50)
    before = [layer.kernel.numpy() for layer in (grouped, depthwise, dense)]
    initialize(model, "default", 3)
    for layer, kernel in zip((grouped, depthwise, dense), before, strict=True):
        np.testing.assert_array_equal(layer.kernel.numpy(), kernel)
    for name in set(INITIALIZERS) - {"default"}:
        initialize(model, name, 3)
        drawn = [layer.kernel.numpy() for layer in (grouped, depthwise, dense)]
        for layer, kernel in zip((grouped, depthwise, dense), drawn, strict=True):
            fan_in, fan_out = fans(layer)
            variance = 2 / fan_in if name == "he" else 2 / (fan_in + fan_out)
            assert kernel.std() == pytest.approx(math.sqrt(variance), rel=0.1), (name, layer.name)
            assert abs(kernel.mean()) < 0.1 * math.sqrt(variance)
            if name == "xavier":
                assert np.abs(kernel).max() <= math.sqrt(6 / (fan_in + fan_out))
        assert not layer.bias.numpy().any()
        initialize(model, name, 3)
        for layer, kernel in zip((grouped, depthwise, dense), drawn, strict=True):
            np.testing.assert_array_equal(layer.kernel.numpy(), kernel)
        initialize(model, name, 4)
        assert (dense.kernel.numpy() != drawn[-1]).any()
