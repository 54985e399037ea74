"""The network in the form in which it is trained: the same weights, another way to compute."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mobilecnn.train import optimizers, zoo
from mobilecnn.train.backend import load_keras
from mobilecnn.train.plan import TrainingPlan

MOMENTUM = 0.9
"""Largest momentum of batch normalization's moving statistics. The MobileNets of
``keras.applications`` come with 0.99 and 0.999, which are meant for trainings of a million
steps: after the few hundred of a small one such statistics still depend on the
initialization, and the network guesses."""

PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
"""Type that is computed in, as ``--precision`` takes it -> Keras' policy; weights are float32 in each."""

_EXACT = ("Rescaling", "Normalization", "InputLayer")
"""Layers that are always computed in float32: 8 bits of a picture are more than bfloat16 has."""


def trainable_form(
    model: Any, dropout: float | None = None, precision: str = "float32", ema: float = 0.0
) -> Any:
    """The network in the form that trains fastest, with the same weights.

    On TensorFlow, Keras has XLA compute each grouped convolution. Its gradient takes several times
    as long on a CPU as that of the same products written out.

    Args:
        model: the network.
        dropout: rate of its dropout layers, and of one before the classifier where it has none; None for its own.
        precision: a key of :data:`PRECISIONS`.
        ema: decay of the moving average of the weights that is used in place of them; 0 for none.
    """
    keras: Any = load_keras()
    layers = list(model._flatten_layers(include_self=False))
    insert = dropout is not None and not any(isinstance(layer, keras.layers.Dropout) for layer in layers)
    classifier = next(
        (layer for layer in reversed(layers) if getattr(layer, "kernel", None) is not None), None
    )
    scores = set(model.output_names)

    class Grouped(keras.layers.Conv2D):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            ops = keras.ops
            # As Keras' own convolution does where its policy says so.
            kernel_of_layer = ops.cast(self.kernel, inputs.dtype)
            if self.kernel_size == (1, 1) and self.strides == (1, 1):
                _, height, width, depth = inputs.shape
                share = depth // self.groups
                x = ops.reshape(inputs, (-1, height * width, self.groups, share))
                kernel = ops.reshape(kernel_of_layer, (share, self.groups, self.filters // self.groups))
                x = ops.reshape(ops.einsum("npgi,igo->npgo", x, kernel), (-1, height, width, self.filters))
            else:
                parts = zip(
                    ops.split(inputs, self.groups, axis=-1),
                    ops.split(kernel_of_layer, self.groups, axis=-1),
                    strict=True,
                )
                x = ops.concatenate(
                    [ops.conv(part, kernel, self.strides, self.padding) for part, kernel in parts], axis=-1
                )
            x = ops.add(x, self.bias) if self.use_bias else x
            return self.activation(x)

    def dropped(kind: Any) -> Any:
        """A classifier with dropout before it, which adds no weights."""

        class Dropped(kind):  # type: ignore[misc]
            def __init__(self, **config: Any) -> None:
                super().__init__(**config)
                self.before = keras.layers.Dropout(dropout)

            def call(self, inputs: Any, training: Any = None) -> Any:
                return super().call(self.before(inputs, training=training))

        return Dropped

    def swap(layer: Any) -> Any:
        config, kind = layer.get_config(), type(layer)
        if isinstance(layer, keras.layers.BatchNormalization):
            # The statistics go with the weights that they are used with: averaged ones have those of the same steps.
            config["momentum"] = max(min(layer.momentum, MOMENTUM), ema)
        if dropout is not None and isinstance(layer, keras.layers.Dropout):
            config["rate"] = dropout
        if precision != "float32" and layer.name not in scores and kind.__name__ not in _EXACT:
            config["dtype"] = PRECISIONS[precision]
        if isinstance(layer, keras.layers.Conv2D) and layer.groups > 1:
            kind = Grouped
        if insert and layer is classifier:
            kind = dropped(kind)
        return kind.from_config(config)

    learner = keras.models.clone_model(model, clone_function=swap, recursive=True)
    learner.set_weights(model.get_weights())
    for layer in learner._flatten_layers(include_self=False):
        if hasattr(layer, "finalize_state"):  # Normalization computes with what it has made of its weights.
            layer.finalize_state()
    return learner


def compiled(learner: Any, plan: TrainingPlan, highest: float, classes: int) -> Any:
    """Make ``learner`` ready to be trained with cross-entropy and the plan's optimizer, and return it.

    Args:
        learner: network from :func:`trainable_form`.
        plan: the training.
        highest: highest learning rate.
        classes: number of classes.
    """
    keras = load_keras()
    # Auxiliary heads learn the same labels.
    heads = len(learner.outputs)
    optimizer = optimizers.build(plan, highest, learner.trainable_variables)
    if plan.precision == "float16":  # Its smallest gradients would be 0.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    learner.compile(
        optimizer,
        [keras.losses.CategoricalCrossentropy(label_smoothing=plan.label_smoothing) for _ in range(heads)],
        loss_weights=[1.0, *[zoo.AUXILIARY_WEIGHT] * (heads - 1)],
        metrics=[["accuracy"], *[[]] * (heads - 1)],
        # Compiling the whole step takes TensorFlow longer than it saves in a short training.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    # If the first step had to create variables, TensorFlow would trace it twice, which takes
    # seconds each time.
    learner.optimizer.build(learner.trainable_variables)
    some, right = keras.ops.ones((1, classes)) / classes, keras.ops.eye(1, classes)
    learner.compute_loss(y=[right] * heads, y_pred=[some] * heads)
    learner.compute_metrics(None, [right] * heads, [some] * heads)
    learner.reset_metrics()
    return learner


@contextmanager
def first_step(learner: Any) -> Iterator[None]:
    """The first step of a training whose weights are averaged: batch normalization's moving statistics begin with its own.

    So does the average of the weights. From what they are before, which is 0 and 1, or those of other images, they would be
    far off for as many steps as are averaged over.
    """
    keras = load_keras()
    layers = [
        layer
        for layer in learner._flatten_layers(include_self=False)
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]
    for layer in layers:
        for variable in (layer.moving_mean, layer.moving_variance):
            variable.assign(0 * keras.ops.convert_to_numpy(variable))
    yield
    for layer in layers:
        for variable in (layer.moving_mean, layer.moving_variance):
            variable.assign(keras.ops.convert_to_numpy(variable) / (1 - layer.momentum))


@contextmanager
def averaged(learner: Any, plan: TrainingPlan) -> Iterator[None]:
    """Give the network the moving averages of its weights while the block runs, if the plan has them."""
    if not plan.ema:
        yield
        return
    keras = load_keras()
    variables = learner.trainable_variables
    own = [keras.ops.convert_to_numpy(variable) for variable in variables]
    learner.optimizer.finalize_variable_values(variables)
    # Copies: JAX gives an array away to what is computed with it, and that of the average would be gone.
    for variable in variables:
        variable.assign(keras.ops.convert_to_numpy(variable))
    try:
        yield
    finally:
        for variable, value in zip(variables, own, strict=True):
            variable.assign(value)
