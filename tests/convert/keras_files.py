"""Small Keras models as files of every kind, and what loading them says."""

import json
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecnn.convert.keras_loading import Loaded, load
from mobilecnn.errors import ModelFileError

SHAPE = (12, 12, 3)


def network(keras: Any, policy: str = "float32") -> Any:
    keras.utils.set_random_seed(1)
    layers = keras.layers
    keras.config.set_dtype_policy(policy)
    try:
        image = keras.Input(SHAPE)
        x = layers.Rescaling(1 / 255)(image)
        x = layers.Conv2D(4, 3)(x)
        x = layers.BatchNormalization()(x)
        x = layers.DepthwiseConv2D(3)(x)
        x = layers.GlobalAveragePooling2D()(x)
        return keras.Model(image, layers.Dense(3, activation="softmax")(x))
    finally:
        keras.config.set_dtype_policy("float32")


def answers(model: Any) -> Any:
    images = np.random.default_rng(0).uniform(0, 255, (4, *SHAPE)).astype(np.float32)
    return np.asarray(model(images, training=False))


def save(model: Any, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras calls HDF5 a legacy format.
        model.save(path)
    return path


def loaded(keras: Any, path: Path, custom: Path | None = None, unsafe: bool = False) -> Loaded:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load(keras, {"path": str(path), "unsafe": unsafe, "custom_objects": custom and str(custom)})


def refusal(keras: Any, path: Path, custom: Path | None = None) -> str:
    with pytest.raises(ModelFileError) as told:
        loaded(keras, path, custom)
    return str(told.value)


def edited(path: Path, new: Path, edit: Callable[[Any], Any], version: str | None = None) -> Path:
    """A copy of a Keras file with another architecture, and as if another Keras had written it."""
    if path.suffix == ".h5":
        import h5py

        shutil.copyfile(path, new)
        with h5py.File(new, "r+") as opened:
            opened.attrs["model_config"] = json.dumps(edit(json.loads(opened.attrs["model_config"])))
            if version is not None:
                opened.attrs["keras_version"] = version
        return new
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(new, "w") as changed:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "config.json":
                content = json.dumps(edit(json.loads(content))).encode()
            if name == "metadata.json" and version is not None:
                content = json.dumps({"keras_version": version}).encode()
            changed.writestr(name, content)
    return new


def with_key(kind: str, key: str, value: Any) -> Callable[[Any], Any]:
    def edit(config: Any) -> Any:
        for layer in config["config"]["layers"]:
            if layer["class_name"] == kind:
                layer["config"][key] = value
        return config

    return edit


def renamed(kind: str, new: str) -> Callable[[Any], Any]:
    def edit(config: Any) -> Any:
        for layer in config["config"]["layers"]:
            if layer["class_name"] == kind:
                layer["class_name"] = new
                layer["registered_name"] = new
        return config

    return edit
