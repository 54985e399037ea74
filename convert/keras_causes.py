"""Why Keras cannot load or save a model, and why the converter refuses one: the cause, and what helps."""

import re
import shlex
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilecnn.causes import Signature, cause, explain, last_words, useful
from mobilecnn.convert import hdf5, user_code
from mobilecnn.errors import ChildCrashed

_INTO_A_MODEL = "build the model in Python as it was trained, then {load} and model.save('model.keras'), and give model.keras"

NO_MODEL = {
    hdf5.KERAS_2_WEIGHTS: "holds weights alone, without the architecture; "
    + _INTO_A_MODEL.format(load="model.load_weights(FILE)"),
    hdf5.KERAS_3_WEIGHTS: "holds weights alone, without the architecture; "
    + _INTO_A_MODEL.format(load="model.load_weights(FILE) (the file's name must end in .weights.h5)"),
    hdf5.ELSE: "is an HDF5 file without a Keras model; give a file that model.save wrote",
}
"""What an HDF5 file without a model holds -> what is said of it, after its name."""

_OLDER = (
    'export it from Keras 2 as a SavedModel: pip install tf_keras, then python -c "import sys, tf_keras; '
    'tf_keras.models.load_model(sys.argv[1], compile=False).export(sys.argv[2])" {typed} FOLDER, and give FOLDER with '
    "--input-range"
)
"""What helps where Keras 2 loads a file and Keras 3 does not; ``typed`` is the file as a shell takes it."""

_CUSTOM = (
    "give the Python file that defines it: --custom-objects FILE.py (in Python: custom_objects='FILE.py')"
)

_QAT = frozenset({"QuantizeWrapper", "QuantizeWrapperV2", "QuantizeLayer", "QuantizeAnnotate"})
_PRUNED = frozenset({"PruneLowMagnitude"})
_KERAS_2_ONLY = frozenset(
    {
        "ClassMethod", "InstanceMethod", "InstanceProperty", "SlicingOpLambda", "TensorFlowOpLayer", "TFOpLambda",
        "CuDNNGRU", "CuDNNLSTM", "LocallyConnected1D", "LocallyConnected2D", "ThresholdedReLU", "Functional",
        "RandomHeight", "RandomWidth", "DenseFeatures", "SequenceFeatures", "Policy",
    }
)  # fmt: skip
"""Classes that Keras 2 has and Keras 3 has not, or not where Keras 2 has them."""

_S = re.DOTALL

_UNKNOWN = re.compile(
    r"Could not locate (?P<what>class|function) '(?P<name>[^']+)'|Unknown \w[\w ]*: '?(?P<layer>[\w>]+)|"
    r"Could not deserialize '[\w.]*?(?P<moved>\w+)' because it is not a KerasSaveable"
)
"""Words with which Keras names a class or a function that it does not know."""

_MEMORY = Signature(
    re.compile(r"OOM when allocating tensor with shape\s*\[(?P<shape>[\d,]+)\]|(?:bad_alloc|MemoryError|Unable to allocate|Cannot allocate memory|failed to allocate memory)"),
    "{path} needs more memory than this process may have; export it on a machine with more, or make the model smaller",
)  # fmt: skip

_OTHER_WEIGHTS = "the weights in {{path}} are not those of its architecture: {difference}; save the whole model again with model.save"

_DIFFERENCES = (
    (
        re.compile(r"Layer '(?P<layer>.+?)' expected (?P<wanted>\d+) variables?, but received (?P<stored>\d+)"),
        "its layer {layer!r} has {wanted} variables, and {stored} are stored",
    ),
    (
        re.compile(r"shape of the target variable and the shape of the target value .*?variable\.shape=(?P<wanted>\([^)]*\)), Received: value\.shape=(?P<stored>\([^)]*\))\. Target variable: <Variable path=(?P<layer>.+?), shape=", _S),
        "{layer} has the shape {wanted}, and {stored} is stored",
    ),
    (
        re.compile(r"Shape mismatch in layer #\d+ \(named (?P<layer>.+?)\) ?for weight .*?expects shape (?P<wanted>\([^)]*\))\. Received .*?shape (?P<stored>\([^)]*\))", _S),
        "its layer {layer!r} has a weight of shape {wanted}, and {stored} is stored",
    ),
    (
        re.compile(r"Layer count mismatch.*?expected (?P<wanted>\d+) layers, found (?P<stored>\d+)", _S),
        "{wanted} of its layers have weights, and those of {stored} are stored",
    ),
    (
        re.compile(r"Weight count mismatch for layer #\d+ \(named (?P<layer>.+?)(?: in the current model, .+? in the save file)?\)\.\s+Layer expects (?P<wanted>\d+) weight\(s\)\. Received (?P<stored>\d+)", _S),
        "its layer {layer!r} has {wanted} weights, and {stored} are stored",
    ),
    (
        re.compile(r"Model expects (?P<wanted>\d+) top-level weight\(s\)\.\s+Received (?P<stored>\d+)"),
        "it has {wanted} weights outside of its layers, and {stored} are stored",
    ),
)  # fmt: skip
"""Keras' words for weights that are not the architecture's -> how they differ, for :data:`_OTHER_WEIGHTS`."""

_LOADING = (
    Signature(
        re.compile(r"safe_mode=False|disallowed by default|enable_unsafe_deserialization"),
        "{path} contains a Lambda layer: Python code that would run when the file is loaded; replace the layer by "
        "built-in ones, or, if you trust the file, add --allow-code (in Python: allow_code=True)",
    ),
    Signature(
        re.compile(r"bad marshal data|code expected at (?:least|most)|func_load|unknown opcode"),
        "{path} contains a Lambda layer, and its code is of another Python than this one; replace the layer by built-in "
        "ones, or export with the Python that saved it",
    ),
    Signature(
        re.compile(r"Could not deserialize \w+ '(?P<name>[^']+)' because its parent module (?P<package>\w+)[\w.]* cannot be imported"),
        "{path} uses {name} of the package {package}, which is not installed; if you know and trust it, "
        "install it beside mobilecnn: pip install {package}",
    ),
    *(Signature(pattern, _OTHER_WEIGHTS.format(difference=difference)) for pattern, difference in _DIFFERENCES),
    Signature(
        re.compile(r"No cast function available|setting an array element with a sequence"),
        "{path} has weights of a type that HDF5 does not have (bfloat16); save the model again with model.save('model.keras')",
    ),
    _MEMORY,
)  # fmt: skip


@dataclass(frozen=True)
class Why:
    """Why a file cannot be used, as whole messages.

    Attributes:
        path: the file, as it was given.
        written_by: version of Keras that wrote it; empty where it does not say.
        here: version of Keras that is installed.
        code: the user's file of layers and functions, or None.
    """

    path: str
    written_by: str
    here: str
    code: Path | None

    def quantized(self, mode: str) -> str:
        """The message for a model that Keras quantized."""
        return (
            f"{self.path} was quantized by Keras (model.quantize({mode!r})), which TFLite does not have; save the model as it "
            "was before quantizing, and export that with --int8"
        )

    def not_loaded(self, error: Exception) -> str:
        """The message for an exception of ``keras.models.load_model``."""
        told = explain(error, _LOADING, path=self.path)
        if told is not None:
            return told
        text = str(error)
        if self.code is not None and (fault := user_code.fault(error, self.code)):
            return f"{self.path} cannot be loaded: {fault}; mend that there"
        if unknown := _UNKNOWN.search(text):
            return self._unknown(
                unknown["name"] or unknown["layer"] or unknown["moved"], unknown["what"] or "class"
            )
        return f"{self.path} cannot be loaded by Keras {self.here} ({cause(error)}); {self._instead()}"

    def _unknown(self, name: str, what: str) -> str:
        if name in _QAT:
            return (
                f"{self.path} was trained for quantization (tfmot's quantize_model), which Keras {self.here} cannot load; save "
                "the model as it was before quantize_model, and export that with --int8"
            )
        if name in _PRUNED:
            return (
                f"{self.path} still has tfmot's pruning layers; where it was made, take them out with "
                "tfmot.sparsity.keras.strip_pruning(model), save that, and give it"
            )
        if name in _KERAS_2_ONLY:
            return (
                f"{self.path} uses {name!r}, which Keras 2 has and Keras {self.here} does not; {self._older}"
            )
        if self._newer:
            return f"{self.path} uses {name!r}, which Keras {self.here} does not have; {self._instead()}"
        if self.code is not None:
            return (
                f"{self.path} uses the {what} {name!r}, which neither Keras {self.here} nor {self.code} has; define it there "
                "under that name"
            )
        return f"{self.path} uses the {what} {name!r}, which Keras {self.here} does not have; {_CUSTOM}"

    @property
    def _older(self) -> str:
        return _OLDER.format(typed=shlex.quote(self.path))

    @property
    def _newer(self) -> bool:
        return bool(self.written_by) and _release(self.written_by) > _release(self.here)

    def _instead(self) -> str:
        if self._newer:
            return f"Keras {self.written_by} wrote it: pip install 'keras>={self.written_by}'"
        if before_keras_3(self.written_by):
            return f"Keras {self.written_by} wrote it; {self._older}"
        return "save it again from the program that made it"


def before_keras_3(version: str) -> bool:
    """Whether this is a version of Keras before 3."""
    return _release(version)[:1] in ((0,), (1,), (2,))


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def not_saved(name: str, error: Exception) -> str:
    """The message for an exception of a model's ``save``."""
    return (
        f"Keras cannot save the model {name!r} ({cause(error)}); mend that, or write it as a SavedModel with "
        "model.export('FOLDER'), and export the folder with input_range="
    )


def not_run(error: Exception, size: Sequence[int]) -> str:
    """The message for an exception of the model itself, run on pictures of ``size``, (height, width, channels)."""
    pictures = "x".join(map(str, size))
    return explain(error, (_MEMORY,), path="the model") or (
        f"the model cannot be run on a picture of {pictures} ({cause(error)}); where that is not the size it was made for, give "
        f"--size; model(numpy.zeros((1, {', '.join(map(str, size))}), 'float32')) in Python must work"
    )


def not_converted(error: Exception | str) -> str:
    """The message for an exception of the TFLite converter."""
    text = str(error)
    if re.search(r"tensor<(?:[\dx?*]+x)?f16>", text):
        return (
            "the model computes in float16 (mixed precision), which TFLite does not; save the Keras model as .keras or .h5 and "
            "give that: its layers are then rebuilt with float32"
        )
    lacking = dict.fromkeys(
        name
        for listed in re.findall(r"(?:Flex|Custom) ops: ([\w, ]+)", text)
        for name in listed.replace(" ", "").split(",")
        if name
    )
    if not lacking:
        lacking = dict.fromkeys(re.findall(r"'(tf\.\w+)' op is neither a custom op nor a flex op", text))
    if lacking:
        names = ", ".join(name.removeprefix("tf.") for name in lacking)
        return (
            f"the model needs TensorFlow operations that TFLite does not have ({names}); replace the layers or functions that "
            "use them"
        )
    return f"the TFLite converter refused the model ({cause(error)})"


def aborted(path: str, code: int | None, crash: ChildCrashed) -> str | None:
    """The message for a model over which TensorFlow ended its own process; None where something else ended that.

    Args:
        path: the model, as it was given.
        code: exit code of the process: the negative number of the signal that ended it.
        crash: what was seen of the end.
    """
    if code is None or -code not in _OWN_ENDS:
        return None
    text = "\n".join(crash.words)
    if told := explain(text, (_MEMORY,), path=path):
        return told
    why = last_words(crash.words) if useful(crash.words) else signal.Signals(-code).name
    return (
        f"TensorFlow broke down over {path} ({why}); replace the layers or functions that bring this about, and save the "
        "model again"
    )


_OWN_ENDS = frozenset({signal.SIGABRT, signal.SIGFPE, signal.SIGSEGV})
"""Signals by which native code ends over its input: a check that failed, a division by zero, a place outside of memory."""
