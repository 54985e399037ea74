"""The child process that compresses a Keras model: loads it, takes the steps, trains after each, saves it.

:mod:`mobilecnn.quantize.compress.run` starts it; nothing else imports it. One message in; many out, each of them a step or a
number of batches that are done, and the last with ``layers``.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.keras_loading import load
from mobilecnn.convert.memory import bound_memory
from mobilecnn.errors import CheckFailed, UsageError
from mobilecnn.process import Channel, serve
from mobilecnn.quantize.compress import coded_file, network
from mobilecnn.quantize.compress.network import ALL_AT_ONCE
from mobilecnn.quantize.compress.plan import CompressionPlan, Step
from mobilecnn.quantize.compress.schedules import ONCE, SCHEDULES, Levels
from mobilecnn.train.backend import load_keras
from mobilecnn.train.inputs import slices


def main(channel: Channel) -> None:
    """Answer the one message."""
    bound_memory()
    keras = load_keras()
    keras.config.set_floatx("float32")
    message = channel.receive()
    if message is None:
        return
    model = load(keras, message).model
    plan = CompressionPlan(**message["plan"])
    network.check_finite(model, message["path"])
    names = list(network.kernels(model))
    for values, option in ((plan.svd, "--svd"), (plan.prune, "--prune"), (plan.cluster, "--cluster")):
        network.check_names(values, names, option)
    # What is refused is refused before anything is said of the model.
    dense = network.ranks_of(keras, model, plan.svd) if plan.svd else {}
    training, held_back = (_images(message[part]) for part in ("training", "held_back"))
    weights, nonzero = network.counted(model)
    given = Step("given", weights, nonzero, _accuracy(model, held_back))
    channel.send(step=asdict(given))
    done: list[int] = []
    if plan.svd:
        model = network.with_factors(keras, model, plan.svd)
        done.append(
            _finish(channel, keras, model, "svd", len(dense), lambda: None, plan, training, held_back)
        )
    if plan.prune:
        levels = ALL_AT_ONCE if training is None else _levels(plan, training)
        changed = network.to_prune(model, plan.prune)
        project = network.prune(model, plan.prune, levels)
        during = plan.prune_schedule != ONCE
        done.append(
            _finish(channel, keras, model, "prune", changed, project, plan, training, held_back, during)
        )
    if plan.cluster:
        before = {name: np.array(kernel) for name, kernel in network.kernels(model).items()}
        project = network.cluster(model, plan.cluster)
        changed = sum(
            not np.array_equal(before[name], np.asarray(kernel))
            for name, kernel in network.kernels(model).items()
        )
        done.append(_finish(channel, keras, model, "cluster", changed, project, plan, training, held_back))
    if not any(done):
        raise UsageError(
            f"no weight of {message['path']} was changed, and nothing was written; give --svd less, --prune more, or --cluster "
            "fewer bits"
        )
    tensors_now = network.tensors_of(model)
    content, parts = coded_file.encode(tensors_now)
    again = coded_file.decode(content)
    for name, tensor in tensors_now.items():
        if not np.array_equal(tensor.view(np.uint32), again[name].view(np.uint32)):
            raise CheckFailed(f"the coded file does not give {name} back bit for bit; nothing was written")
    model.save(message["output"])
    Path(message["coded"]).write_bytes(content)
    channel.send(layers=[asdict(part) for part in parts], bytes=len(content))


_Images = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]


def _images(given: dict[str, Any] | None) -> _Images | None:
    if given is None:
        return None
    return np.concatenate(list(slices(Path(given["images"])))), np.asarray(given["labels"], np.int64)


def _accuracy(model: Any, images: _Images | None) -> float | None:
    if images is None:
        return None
    scores = np.asarray(model.predict(images[0], batch_size=32, verbose=0))
    return float((scores.argmax(axis=-1) == images[1]).mean())


def _finish(
    channel: Channel,
    keras: Any,
    model: Any,
    name: str,
    changed: int,
    project: Callable[[], None],
    plan: CompressionPlan,
    training: _Images | None,
    held_back: _Images | None,
    during: bool = False,
) -> int:
    """Train after a step that changed some kernels, or while it goes on; say what both gave, and return how many it changed."""
    accuracy = None if during and changed else _accuracy(model, held_back)
    retrained = None
    if training is not None and plan.epochs and changed:
        _train(channel, keras, model, name, project, plan, training)
        retrained = _accuracy(model, held_back)
    weights, nonzero = network.counted(model)
    channel.send(step=asdict(Step(name, weights, nonzero, accuracy, retrained, changed)))
    return changed


def _steps(plan: CompressionPlan, training: _Images) -> tuple[int, int]:
    """Images in a batch, and batches in an epoch."""
    batch = min(plan.batch_size, len(training[1]))
    return batch, -(-len(training[1]) // batch)


def _levels(plan: CompressionPlan, training: _Images) -> Levels:
    if plan.prune_schedule == ONCE:
        return ALL_AT_ONCE
    _, steps = _steps(plan, training)
    return SCHEDULES[plan.prune_schedule](plan.epochs, steps)


def _train(
    channel: Channel,
    keras: Any,
    model: Any,
    name: str,
    project: Callable[[], None],
    plan: CompressionPlan,
    training: _Images,
) -> None:
    images, labels = training
    logits = getattr(model.layers[-1], "activation", None) is keras.activations.linear
    model.compile(
        keras.optimizers.Adam(plan.learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=logits),
        jit_compile=False,
    )
    batch, steps = _steps(plan, training)
    for epoch in range(plan.epochs):
        order = np.resize(np.random.default_rng([plan.seed, epoch]).permutation(len(labels)), steps * batch)
        for step in range(steps):
            chosen = order[step * batch : (step + 1) * batch]
            loss = float(np.asarray(model.train_on_batch(images[chosen], labels[chosen])))
            if not np.isfinite(loss):
                raise CheckFailed(
                    f"the loss is no longer a finite number in epoch {epoch + 1} after {name}; give a lower "
                    f"--learning-rate than {plan.learning_rate:g}"
                )
            project()
            channel.send(done=epoch * steps + step + 1, total=plan.epochs * steps, what=f"after {name}")
    network.check_trained(model, name, plan.learning_rate)


if __name__ == "__main__":
    serve(main)
