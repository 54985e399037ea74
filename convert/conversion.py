"""A Keras model in a child process: loading, conversion to float32 TFLite, reference scores.

The TensorFlow converter can abort its process, and a model file can carry code; neither may reach the
command line. :mod:`mobilecnn.convert.keras_child` describes the messages.
"""

from dataclasses import dataclass
from pathlib import Path

from mobilecnn.contract import InputContract, check_size, contract_for
from mobilecnn.errors import ModelFileError, UsageError
from mobilecnn.files import exists, is_folder, open_input
from mobilecnn.process import Child, Message, python
from mobilecnn.train.complexity import LayerCount
from mobilecnn.train.keras_file import MEMBER, ModelInfo, read_info
from mobilecnn.train.zoo import names

KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")
"""File names that are taken as Keras models."""


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
        input_range: a key of :data:`mobilecnn.contract.RANGES`, or None to take what the model says.
        labels: class names in output order, or None to take what the model says.
        unsafe: whether code in the file may run (Lambda layers).
        seed: seed of the random initialization of a zoo name.
        in_memory: the model that ``text`` is a copy of; None for the user's own file and a zoo name.
    """

    text: str
    classes: int | None = None
    size: int | tuple[int, int] | None = None
    input_range: str | None = None
    labels: tuple[str, ...] | None = None
    unsafe: bool = False
    seed: int = 0
    in_memory: InMemory | None = None

    @property
    def name(self) -> str:
        """What the passport calls the model: its file name, zoo name, or own name."""
        if self.in_memory is not None:
            return self.in_memory.name
        return Path(self.text).name if self.is_file else self.text

    @property
    def trained(self) -> bool:
        """False where the weights are a random initialization."""
        return self.is_file if self.in_memory is None else self.in_memory.trained

    @property
    def is_file(self) -> bool:
        """Whether ``text`` names a file: by its suffix, a folder in it, or because it exists."""
        return self.text.lower().endswith(KERAS_SUFFIXES) or "/" in self.text or exists(Path(self.text))

    @property
    def stem(self) -> str:
        """The name that exported files begin with."""
        return Path(self.text).stem if self.is_file else str(names.parse(self.text))


@dataclass(frozen=True)
class KerasFacts:
    """A loaded Keras model.

    Attributes:
        contract: its complete input contract.
        labels: class names in output order; empty when unknown.
        classes: number of outputs.
        parameters: number of weights and biases.
        architecture: zoo name; empty for a network from elsewhere.
    """

    contract: InputContract
    labels: tuple[str, ...]
    classes: int
    parameters: int
    architecture: str


def layer_table(path: Path, size: int | None = None, unsafe: bool = False) -> tuple[LayerCount, ...]:
    """What :func:`mobilecnn.train.complexity.layers` says of any Keras file with a graph of layers.

    Args:
        path: a .keras or .h5 file.
        size: the input side in pixels where the model leaves it free.
        unsafe: whether code in the file may run (Lambda layers).

    Raises:
        ModelFileError: the file is missing, Keras refuses it, or it has no graph.
    """
    _check_file(path)
    read_info(path)
    with Child(python("mobilecnn.convert.keras_child"), f"that counts {path}") as child:
        child.send({"do": "count", "path": str(path), "unsafe": unsafe, "size": size})
        rows = child.receive()["layers"]
    return tuple(LayerCount(**{**row, "output_shape": tuple(row["output_shape"])}) for row in rows)


def _check_file(path: Path) -> None:
    if is_folder(path):
        raise ModelFileError(f"{path} is a folder; give a .keras or .h5 file, or a zoo name")
    open_input(path, "model", ModelFileError).close()
    if path.suffix.lower() not in KERAS_SUFFIXES:
        raise ModelFileError(f"{path} is not a {', '.join(KERAS_SUFFIXES)} file")


class KerasModel(Child):
    """A Keras model held by a child process; a context manager as :class:`Child` is.

    The child starts importing TensorFlow at once. ``start_`` methods return before the
    work is done, so the caller can prepare images meanwhile; ``finish`` waits.
    """

    def __init__(self, source: Source) -> None:
        """Check what can be checked without Keras, then start the child.

        Raises:
            ModelFileError: a missing file, a damaged archive, an unknown suffix.
            ModelNameError: a zoo name that the grammar refuses.
            UsageError: options that do not fit the kind of source.
        """
        self._source = source
        self._info = ModelInfo()
        if source.is_file:
            path = Path(source.text)
            _check_file(path)
            if source.classes is not None:
                raise UsageError(
                    "--classes is for zoo names; a model file has the classes it was trained with"
                )
            self._info = read_info(path)
            message: Message = {"do": "load", "path": str(path), "unsafe": source.unsafe}
        else:
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
            from mobilecnn.train import zoo

            self._info = ModelInfo(architecture=str(name), contract=zoo.contract(name, rectangle))
        super().__init__(
            python("mobilecnn.convert.keras_child"),
            f"that converts {source.text}",
            {"KERAS_BACKEND": "tensorflow"},  # The converter is TensorFlow's, whatever trained the model.
        )
        self.send(message)

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
            UsageError: the input size is free and none was given, or labels do not fit.
        """
        source = self._source
        answer = self.receive()
        height, width = answer["height"], answer["width"]
        if source.is_file and source.size is not None:
            wanted = (source.size, source.size) if isinstance(source.size, int) else source.size
            if (height, width) not in ((None, None), wanted):
                raise UsageError(
                    f"{source.text} takes {height}x{width} images and no others; leave --size out, or train at that size"
                )
            height, width = wanted
        if height is None or width is None:
            raise UsageError(f"{source.text} takes images of any size, and TFLite needs one: give --size")
        shape = (int(height), int(width), int(answer["channels"]))
        check_size(shape[0], shape[1])
        stated = self._info.contract
        if stated is not None and stated.channels != shape[2]:
            raise ModelFileError(
                f"{source.text} contradicts itself: its {MEMBER} says that pictures have {stated.channels} channels, and "
                f"the network takes {shape[2]}; train or save it again"
            )
        labels = self._info.labels if source.labels is None else source.labels
        if labels and len(labels) != answer["classes"]:
            raise UsageError(
                f"{len(labels)} labels for {answer['classes']} outputs; give one a line, in output order"
            )
        return KerasFacts(
            contract=self._contract(shape, bool(answer["normalizes"])),
            labels=labels,
            classes=int(answer["classes"]),
            parameters=int(answer["parameters"]),
            architecture=self._info.architecture,
        )

    def _contract(self, shape: tuple[int, int, int], normalizes: bool) -> InputContract:
        if self._source.input_range is not None:
            return contract_for(self._source.input_range, shape)
        if self._info.contract is not None:
            return self._info.contract.sized(shape[0], shape[1])
        if normalizes:
            return contract_for("raw", shape)
        return contract_for("unit", shape, stated=False)

    def start_convert(self, contract: InputContract, output: Path) -> None:
        """Begin writing the converter's float32 flatbuffer for this input shape to ``output``."""
        self.send({"do": "convert", "size": list(contract.shape), "output": str(output)})

    def start_run(self, contract: InputContract, inputs: Path, outputs: Path) -> None:
        """Begin running ``inputs`` (.npy, float32, (n, h, w, c)) into ``outputs`` (.npy, float32, (n, classes))."""
        self.send({"do": "run", "size": list(contract.shape), "inputs": str(inputs), "outputs": str(outputs)})

    def finish(self) -> None:
        """Wait for what was started last.

        Raises:
            ModelFileError: the converter refused the model.
            ChildCrashed: it took its process down.
        """
        self.receive()
