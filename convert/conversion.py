"""A Keras model in a child process: loading, conversion to float32 TFLite, reference scores.

The TensorFlow converter can abort its process, and a model file can carry code; neither may reach the
command line. :mod:`mobilecnn.convert.keras_child` describes the messages.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilecnn.contract import InputContract, check_size
from mobilecnn.convert import output_kinds, user_code
from mobilecnn.convert.findings import Finding, contract_of
from mobilecnn.convert.output_kinds import OutputKind
from mobilecnn.errors import ChildCrashed, ModelFileError, UsageError
from mobilecnn.files import LARGEST_TEXT, exists, is_folder, open_input
from mobilecnn.process import Child, Message, python
from mobilecnn.remarks import plural
from mobilecnn.train.complexity import LayerCount
from mobilecnn.train.keras_archive import SAVED_MODEL, kind_of, size_of
from mobilecnn.train.keras_file import MEMBER, ModelInfo, read_info
from mobilecnn.train.zoo import names

KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")
"""File names that are taken as Keras models, whether or not there is such a file."""

LOADING_SECONDS = 300.0
"""Seconds that loading a model may take, beside :data:`SECONDS_A_MEGABYTE`; a large one takes 20."""

SECONDS_A_MEGABYTE = 1.0
"""Seconds more for each megabyte of a model's file."""


@dataclass(frozen=True)
class InMemory:
    """A Keras model in memory, of which the file to load is a temporary copy.

    Attributes:
        name: the model's name.
        trained: False where its weights are as :func:`mobilecnn.build` initialized them.
    """

    name: str
    trained: bool


@dataclass(frozen=True)
class Source:
    """What the user asked to have loaded.

    Attributes:
        text: a path, or a zoo name.
        classes: number of classes of a zoo name; None for the network's own, most often 1000.
        size: input side in pixels, or (height, width); None for the model's own.
        input_range: a key of :data:`mobilecnn.contract.RANGES`, or None to take what the model states or proves.
        override: whether ``input_range`` goes before what the model states or proves.
        labels: class names in output order, or None to take what the model says.
        unsafe: whether code in the file may run (Lambda layers).
        custom_objects: a Python file with the layers and functions of the user's own that the model has; it runs.
        seed: seed of the random initialization of a zoo name.
        in_memory: the model that ``text`` is a copy of; None for the user's own file and a zoo name.
        output_kind: name of a row of :data:`mobilecnn.convert.output_kinds.KINDS`, or None to take what the
            model shows.
        shared: whether ``input_range`` and ``output_kind`` are for several models, and so for those that say nothing.
    """

    text: str
    classes: int | None = None
    size: int | tuple[int, int] | None = None
    input_range: str | None = None
    override: bool = False
    labels: tuple[str, ...] | None = None
    unsafe: bool = False
    custom_objects: Path | None = None
    seed: int = 0
    in_memory: InMemory | None = None
    output_kind: str | None = None
    shared: bool = False

    @property
    def name(self) -> str:
        """What the passport calls the model: its file name, zoo name, or own name."""
        if self.in_memory is not None:
            return self.in_memory.name
        return _own_name(Path(self.text)) if self.is_file else self.text

    @property
    def trained(self) -> bool:
        """False where the weights are a random initialization."""
        return self.is_file if self.in_memory is None else self.in_memory.trained

    @property
    def is_file(self) -> bool:
        """Whether ``text`` names a file or folder: by its suffix, a folder in it, or because it exists."""
        return self.text.lower().endswith(KERAS_SUFFIXES) or "/" in self.text or exists(Path(self.text))

    @property
    def stem(self) -> str:
        """The name that exported files begin with."""
        return _stem(Path(self.text)) if self.is_file else str(names.parse(self.text))


@dataclass(frozen=True)
class KerasFacts:
    """A loaded Keras model.

    Attributes:
        contract: its complete input contract.
        labels: class names in output order, of one output the two that it tells apart; empty when unknown.
        classes: number of outputs.
        kind: what the outputs are.
        parameters: number of weights and biases.
        architecture: zoo name; empty for a network from elsewhere.
        notes: what was changed in the model's architecture to load it, a phrase each.
        called: what it is, for messages: ``the Keras model`` or ``the SavedModel``.
        training: what its file says of its training; None where it says nothing.
    """

    contract: InputContract
    labels: tuple[str, ...]
    classes: int
    kind: OutputKind
    parameters: int
    architecture: str
    notes: tuple[str, ...] = ()
    called: str = "the Keras model"
    training: dict[str, Any] | None = None


def _stem(path: Path) -> str:
    return _own_name(path) if is_folder(path) else path.stem


def _own_name(path: Path) -> str:
    """The last part of ``path``, also of ``.`` and of a link; of one in a circle, its own."""
    return Path(os.path.realpath(path)).name


def layer_table(
    path: Path,
    size: int | tuple[int, int] | None = None,
    unsafe: bool = False,
    custom_objects: Path | None = None,
) -> tuple[LayerCount, ...]:
    """What :func:`mobilecnn.train.complexity.layers` says of any Keras file with a graph of layers.

    Args:
        path: a .keras or .h5 file.
        size: the input side in pixels, or (height, width), where the model leaves it free.
        unsafe: whether code in the file may run (Lambda layers).
        custom_objects: a Python file with the layers and functions of the user's own that the model has; it runs.

    Raises:
        ModelFileError: the file is missing, Keras refuses it, or it has no graph.
    """
    if kind_of(path) == SAVED_MODEL:
        raise ModelFileError(f"{path} is a SavedModel, which has no layers to count; give the Keras file")
    read_info(path)
    with KerasChild(f"that counts {path}", custom_objects) as child:
        child.send({"do": "count", "size": size, **_request(path, unsafe, custom_objects)})
        rows = child.receive(_patience(path))["layers"]
    return tuple(LayerCount(**{**row, "output_shape": tuple(row["output_shape"])}) for row in rows)


def _request(path: Path, unsafe: bool, custom_objects: Path | None) -> Message:
    """The members of a message to the child that say what to load.

    Raises:
        InputError: the file of the user's own layers is missing, or no regular file.
    """
    if custom_objects is not None:
        open_input(custom_objects, "Python file", most=LARGEST_TEXT).close()
    return {
        "path": str(path),
        "unsafe": unsafe,
        "custom_objects": None if custom_objects is None else str(custom_objects),
        "patience": _patience(path),
    }


def _patience(path: Path) -> float:
    """Seconds that loading the model at ``path`` may take."""
    return LOADING_SECONDS + SECONDS_A_MEGABYTE * size_of(path) / 1e6


class KerasChild(Child):
    """The child process that loads Keras models; a context manager as :class:`Child` is."""

    def __init__(self, doing: str, code: Path | None, module: str = "mobilecnn.convert.keras_child") -> None:
        """Start it.

        Args:
            doing: relative clause for messages.
            code: file of the user's own layers, which runs in it; None without one.
            module: module that runs in it.
        """
        self._code = code
        super().__init__(
            python(module),
            doing,
            {"KERAS_BACKEND": "tensorflow"},  # The converter is TensorFlow's, whatever trained the model.
        )

    def receive(self, timeout: float | None = None, late: str = "") -> Message:
        """See :meth:`Child.receive`; where the user's code ran in a child that ended, the error names its file."""
        with self._blaming():
            return super().receive(timeout, late)

    def put(self, content: bytes) -> None:
        """See :meth:`Child.put`, and :meth:`receive`."""
        with self._blaming():
            super().put(content)

    @contextmanager
    def _blaming(self) -> Iterator[None]:
        try:
            yield
        except ChildCrashed as error:
            if self._code is None:
                raise
            raise user_code.ended(error, self._code) from error


class KerasModel(KerasChild):
    """A Keras model held by a child process; a context manager as :class:`Child` is.

    The child starts importing TensorFlow at once. ``start_`` methods return before the
    work is done, so the caller can prepare images meanwhile; ``finish`` waits.
    """

    def __init__(self, source: Source) -> None:
        """Check what can be checked without Keras, then start the child.

        Raises:
            ModelFileError: a missing file, a damaged archive, something that is no model.
            ModelNameError: a zoo name that the grammar refuses.
            UsageError: options that do not fit the kind of source.
        """
        self._source = source
        self._info = ModelInfo()
        self._saved = False
        if source.is_file:
            path = Path(source.text)
            self._saved = kind_of(path) == SAVED_MODEL
            if self._saved and source.custom_objects is not None:
                raise UsageError(f"{path} is a SavedModel, which has no layers: leave --custom-objects out")
            if source.classes is not None:
                raise UsageError(
                    "--classes is for zoo names; a model file has the classes it was trained with"
                )
            self._info = read_info(path)
            sides = (source.size, source.size) if isinstance(source.size, int) else source.size
            message: Message = {
                "do": "load",
                "sides": sides,
                **_request(path, source.unsafe, source.custom_objects),
            }
            self._patience: float | None = _patience(path)
        else:
            if source.custom_objects is not None:
                raise UsageError(
                    f"--custom-objects is for model files, and {source.text} is a zoo name; leave it out"
                )
            square = source.size if isinstance(source.size, int) else None
            rectangle = source.size if isinstance(source.size, tuple) else None
            name = names.parse(source.text, size=square)
            message = {
                "do": "load",
                "architecture": str(name),
                "classes": name.family.classes if source.classes is None else source.classes,
                "size": rectangle or name.size,
                "seed": source.seed,
            }
            self._patience = None
            from mobilecnn.train import zoo

            self._info = ModelInfo(architecture=str(name), contract=zoo.contract(name, rectangle))
        super().__init__(f"that converts {source.text}", source.custom_objects)
        self.send(message)

    def receive(self, timeout: float | None = None, late: str = "") -> Message:
        """Wait for the next message, for at most ``timeout`` seconds if given.

        Raises:
            ModelFileError: TensorFlow aborted over the model, or the child reported an error of it.
            ChildCrashed: the child ended otherwise, or sent nothing in time.
        """
        try:
            return super().receive(timeout, late)
        except ChildCrashed as error:
            from mobilecnn.convert.keras_causes import aborted

            if (told := aborted(self._source.text, self.code, error)) is None:
                raise
            raise ModelFileError(told) from error

    @property
    def expected_contract(self) -> InputContract | None:
        """The input contract as far as it is known before Keras has loaded the model, or None."""
        if self._source.input_range is not None or self._info.contract is None:
            return None
        return self._info.contract

    def load(self) -> KerasFacts:
        """Wait until the model is loaded, and settle its input contract. Call it once.

        Raises:
            ModelFileError: Keras refuses the file, or it is not an image classifier.
            UsageError: the input size is free and none was given, the input range is unknown or not the one
                that was given, or labels do not fit.
        """
        source = self._source
        answer = self.receive(self._patience)
        height, width = answer["height"], answer["width"]
        if source.is_file and source.size is not None:
            wanted = (source.size, source.size) if isinstance(source.size, int) else source.size
            if (height, width) not in ((None, None), wanted):
                raise UsageError(
                    f"{source.text} takes images of {width}x{height} pixels (width x height) and no others; leave --size "
                    "out, or train at that size"
                )
            height, width = wanted
        if height is None or width is None:
            raise UsageError(
                f"{source.text} takes images of any size, and what is done with it needs one; give --size, which export and compress have"
            )
        shape = (int(height), int(width), int(answer["channels"]))
        check_size(shape[0], shape[1])
        stated = self._info.contract
        if stated is not None and stated.channels != shape[2]:
            raise ModelFileError(
                f"{source.text} contradicts itself: its {MEMBER} says that pictures have {plural(stated.channels, 'channel')}, and "
                f"the network takes {shape[2]}; train or save it again"
            )
        labels = self._info.labels if source.labels is None else source.labels
        kind = self._kind(answer["shown"], int(answer["classes"]))
        if labels and len(labels) != kind.answers(answer["classes"]):
            one = kind.decision == "binary"
            of = "the two classes of one output" if one else plural(answer["classes"], "output")
            order = "that of a low score first" if one else "in output order"
            raise UsageError(f"{plural(len(labels), 'label')} for {of}; give one a line, {order}")
        return KerasFacts(
            contract=self._contract(shape, Finding.from_json(answer["range"])),
            labels=labels,
            classes=int(answer["classes"]),
            kind=kind,
            parameters=int(answer["parameters"]),
            architecture=self._info.architecture,
            notes=tuple(answer["notes"]),
            called="the SavedModel" if self._saved else "the Keras model",
            training=self._info.training,
        )

    def _kind(self, shown: output_kinds.Shown, outputs: int) -> OutputKind:
        said = self._source.output_kind
        if shown == "softmax" and outputs == 1 and said is None and not self._source.trained:
            return output_kinds.SOFTMAX  # Its answers mean nothing anyhow: for latency.
        model = self._source.text if self._source.in_memory is None else self._source.name
        return output_kinds.settle(shown, outputs, said, model, self._source.shared)

    def _contract(self, shape: tuple[int, int, int], finding: Finding) -> InputContract:
        source = self._source
        return contract_of(
            finding,
            self._info.contract,
            "the file" if source.is_file and source.in_memory is None else "the zoo",
            shape,
            source.input_range,
            source.override,
            what=source.text if source.in_memory is None else source.name,
            shared=source.shared,
        )

    def start_convert(self, contract: InputContract, output: Path) -> None:
        """Begin writing the converter's float32 flatbuffer for this input shape to ``output``."""
        self.send({"do": "convert", "size": list(contract.shape), "output": str(output.absolute())})

    def start_run(
        self, contract: InputContract, inputs: Path, outputs: Path, walk: int | None = None, *, warm_up: bool = False
    ) -> None:  # fmt: skip
        """Begin running ``inputs`` (.npy, float32, (n, h, w, c)) into ``outputs`` (.npy, float32, (n, outputs)).

        With ``walk``, the weights are moved meanwhile as roundings of that seed would move them
        (:mod:`mobilecnn.convert.roundings`). With ``warm_up`` one batch of each size goes before those that are timed.
        """
        paths = {"inputs": str(inputs.absolute()), "outputs": str(outputs.absolute())}
        self.send({"do": "run", "size": list(contract.shape), **paths, "walk": walk, "warm_up": warm_up})

    def finish(self) -> Message:
        """Wait for what was started last; of a run, ``seconds`` from file to scores, and ``inference``, the model's.

        Raises:
            ModelFileError: the converter refused the model.
            ChildCrashed: it took its process down.
        """
        return self.receive()
