"""The network in the form in which it is trained: the same weights, another way to compute."""

from typing import Any

from mobilecnn.train import zoo
from mobilecnn.train.backend import load_keras

MOMENTUM = 0.9
"""Largest momentum of batch normalization's moving statistics. The MobileNets of
``keras.applications`` come with 0.99 and 0.999, which are meant for trainings of a million
steps: after the few hundred of a small one such statistics still depend on the
initialization, and the network guesses."""


def trainable_form(model: Any) -> Any:
    """The network in the form that trains fastest, with the same weights.

    On TensorFlow, Keras has XLA compute each grouped convolution. Its gradient takes several times
    as long on a CPU as that of the same products written out.
    """
    keras: Any = load_keras()

    class Grouped(keras.layers.Conv2D):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            ops = keras.ops
            if self.kernel_size == (1, 1) and self.strides == (1, 1):
                _, height, width, depth = inputs.shape
                share = depth // self.groups
                x = ops.reshape(inputs, (-1, height * width, self.groups, share))
                kernel = ops.reshape(self.kernel, (share, self.groups, self.filters // self.groups))
                x = ops.reshape(ops.einsum("npgi,igo->npgo", x, kernel), (-1, height, width, self.filters))
            else:
                parts = zip(
                    ops.split(inputs, self.groups, axis=-1),
                    ops.split(self.kernel, self.groups, axis=-1),
                    strict=True,
                )
                x = ops.concatenate(
                    [ops.conv(part, kernel, self.strides, self.padding) for part, kernel in parts], axis=-1
                )
            x = ops.add(x, self.bias) if self.use_bias else x
            return self.activation(x)

    def swap(layer: Any) -> Any:
        config = layer.get_config()
        if isinstance(layer, keras.layers.BatchNormalization):
            config["momentum"] = min(layer.momentum, MOMENTUM)
        grouped = isinstance(layer, keras.layers.Conv2D) and layer.groups > 1
        return (Grouped if grouped else type(layer)).from_config(config)

    learner = keras.models.clone_model(model, clone_function=swap)
    learner.set_weights(model.get_weights())
    return learner


def compiled(learner: Any, highest: float, label_smoothing: float, classes: int) -> Any:
    """Make ``learner`` ready to be trained with Adam and cross-entropy, and return it.

    Args:
        learner: network from :func:`trainable_form`.
        highest: highest learning rate.
        label_smoothing: probability that is spread over all classes, from 0 to below 1.
        classes: number of classes.
    """
    keras = load_keras()
    # Auxiliary heads learn the same labels.
    heads = len(learner.outputs)
    learner.compile(
        keras.optimizers.Adam(highest),
        [keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing) for _ in range(heads)],
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
