"""A SavedModel as a classifier: its signature, run by TensorFlow; in the child process only."""

from pathlib import Path
from typing import Any

from mobilecnn.causes import cause
from mobilecnn.convert.findings import Finding
from mobilecnn.convert.output_kinds import Shown
from mobilecnn.errors import ModelFileError

SIGNATURE = "serving_default"
"""Name of the signature that is taken where there are several."""

TAG = "serve"
"""Tag of the graph that is taken: the one for inference."""

MOST_GRAPH = 1 << 30
"""Largest size of a graph in bytes; its constants are in it, its variables are not."""

_STATEFUL = frozenset(
    {
        "VarHandleOp", "ReadVariableOp", "AssignVariableOp", "VarIsInitializedOp", "VariableV2", "Variable",
        "Assign", "IsVariableInitialized", "StatefulPartitionedCall", "SaveV2", "RestoreV2", "Placeholder",
        "MergeV2Checkpoints", "If", "While", "StatelessIf", "StatelessWhile", "Case", "ResourceGather", "DestroyResourceOp",
        "HashTableV2", "RandomUniform", "RandomStandardNormal", "TruncatedNormal", "RandomUniformInt",
        "StatefulUniform", "StatefulUniformFullInt", "StatefulStandardNormalV2", "RngReadAndSkip", "Assert",
        "FusedBatchNormV3", "LookupTableImportV2", "LookupTableFindV2", "LookupTableExportV2", "LookupTableSizeV2",
        "DisableCopyOnRead", "MutableHashTableV2", "LookupTableInsertV2", "AssignAddVariableOp", "AssignSubVariableOp",
    }
)  # fmt: skip
"""Operations with a state that a graph may have: variables, calls, random numbers and checkpoints of weights."""

_REACHING_OUT = frozenset(
    {"ReadFile", "WriteFile", "MatchingFiles", "PyFunc", "PyFuncStateless", "EagerPyFunc", "PrintV2"}
)
"""Operations without one that read, write or run what is not in the graph."""


class SavedClassifier:
    """The signature of a SavedModel as a function of a batch of images.

    Attributes:
        shape: height, width and channels of its input; None where a side is free.
        classes: number of outputs.
        variables: its variables, each once.
        parameters: number of values in them.
        batch: batch size that its signature fixes; None for any.
    """

    def __init__(self, function: Any, keep: Any, path: Path) -> None:
        import tensorflow as tf

        self._function = function
        self._keep = keep  # The variables live as long as the object that was loaded.
        inputs = {
            name: spec
            for name, spec in function.structured_input_signature[1].items()
            if isinstance(spec, tf.TensorSpec)
        }
        outputs = function.structured_outputs
        if len(inputs) != 1 or not isinstance(outputs, dict) or len(outputs) != 1:
            raise ModelFileError(
                f"the signature of {path} has inputs {sorted(inputs)} and outputs {sorted(outputs or {})}; an image "
                "classifier has one of each"
            )
        ((self._input, image),) = inputs.items()
        ((self._output, scores),) = outputs.items()
        if image.dtype != tf.float32:
            raise ModelFileError(
                f"the signature of {path} takes {image.dtype.name}; save the model with a signature that takes the "
                "image as float32, and give that"
            )
        if (
            image.shape.rank != 4
            or scores.shape.rank != 2
            or scores.shape[1] is None
            or image.shape[3] is None
        ):
            raise ModelFileError(
                f"the signature of {path} maps {_shown(image.shape)} to {_shown(scores.shape)}; an image classifier maps "
                "(batch, height, width, channels) to (batch, classes)"
            )
        if image.shape[0] not in (None, 1):
            raise ModelFileError(
                f"the signature of {path} takes {image.shape[0]} images at a time; save the model with a signature that takes "
                "any number, or one"
            )
        if image.shape[3] not in (1, 3):
            raise ModelFileError(
                f"the signature of {path} takes {image.shape[3]} channels; pictures have 3, or 1 for grey"
            )
        self.batch: int | None = image.shape[0]
        self.shape: tuple[int | None, int | None, int] = tuple(image.shape[1:])
        self.classes = int(scores.shape[1])
        self.variables = _variables(keep)
        self.parameters = sum(int(variable.shape.num_elements() or 0) for variable in self.variables)

    def __call__(self, images: Any, training: bool = False) -> Any:
        """Scores (batch, classes) of ``images`` (batch, height, width, channels)."""
        import tensorflow as tf

        return tf.cast(self._function(**{self._input: images})[self._output], tf.float32)

    def describe(self, shown: Shown, finding: Finding) -> dict[str, Any]:
        """What :func:`mobilecnn.convert.keras_facts.describe` says of a Keras model.

        Args:
            shown: what its last operation shows of its scores.
            finding: what the operations at its input prove about that.
        """
        height, width, channels = self.shape
        return {
            "height": height,
            "width": width,
            "channels": channels,
            "classes": self.classes,
            "parameters": self.parameters,
            "range": finding.to_json(),
            "shown": shown,
        }


def load(path: Path, unsafe: bool) -> SavedClassifier:
    """The classifier in the folder at ``path``.

    Args:
        path: the folder.
        unsafe: whether operations may run that reach outside of the graph.

    Raises:
        ModelFileError: it is damaged, has no signature, is no classifier, or has such operations.
    """
    import tensorflow as tf

    _check_operations(path, unsafe)
    try:
        loaded = tf.saved_model.load(str(path), tags=[TAG])
    except Exception as error:
        raise ModelFileError(
            f"{path} cannot be loaded by TensorFlow {tf.__version__} ({cause(error)}); save it again from the program "
            "that made it"
        ) from error
    signatures = dict(loaded.signatures)
    name = SIGNATURE if SIGNATURE in signatures else next(iter(signatures), None)
    if name is None or (name != SIGNATURE and len(signatures) > 1):
        known = f" but {', '.join(sorted(signatures))}" if signatures else ""
        raise ModelFileError(
            f"{path} has no signature {SIGNATURE!r}{known}; save the model with one: "
            "model.export(FOLDER) in Keras, tf.saved_model.save(model, FOLDER, signatures=function) otherwise"
        )
    return SavedClassifier(signatures[name], loaded, path)


_OF_WEIGHTS = frozenset(
    {
        "BatchMatMul", "BatchMatMulV2", "Conv2D", "Conv2DBackpropInput", "Conv3D", "DepthwiseConv2dNative", "Einsum",
        "MatMul", "SpaceToBatchND",
    }
)  # fmt: skip
"""Operations with which the network proper begins."""


def beginning(function: Any) -> Any:
    """The part of a concrete function of one picture in front of its first layers of weights, as another.

    The converter multiplies the scale of an input into the weights behind it, where nobody sees it any more.

    Raises:
        ModelFileError: TensorFlow cannot cut it out, as of a graph with a table in it.
    """
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    try:
        frozen = convert_variables_to_constants_v2(function)
        (image,) = frozen.inputs
    except Exception as error:
        raise ModelFileError(
            f"TensorFlow cannot take the beginning of the graph alone ({cause(error)})"
        ) from error
    followed, ends = {image.ref()}, []
    for operation in frozen.graph.get_operations():
        reached = [tensor for tensor in operation.inputs if tensor.ref() in followed]
        if reached and operation.type in _OF_WEIGHTS:
            ends += reached
        elif reached:
            followed.update(tensor.ref() for tensor in operation.outputs)
    unique = list({tensor.ref(): tensor for tensor in ends or frozen.outputs}.values())
    return frozen.prune(image, unique)


def _check_operations(path: Path, unsafe: bool) -> None:
    """Refuse a graph with operations that read or write files, run Python or wait for others: a graph is a program.

    One that imitates quantization is refused too, whatever is allowed.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2
    from tensorflow.python.framework import op_def_registry

    graph = path / "saved_model.pb"
    if not graph.is_file():
        raise ModelFileError(f"{path} has its graph as text; save it again, as saved_model.pb")
    if graph.stat().st_size > MOST_GRAPH:
        raise ModelFileError(f"{graph} has {graph.stat().st_size >> 20} MB; no classifier has such a graph")
    document = saved_model_pb2.SavedModel()
    try:
        document.ParseFromString(graph.read_bytes())
    except (DecodeError, OSError) as error:
        raise ModelFileError(f"{graph} is damaged ({cause(error)}); copy or download it again") from error
    kinds = set()
    for meta in document.meta_graphs:
        nodes = [
            *meta.graph_def.node,
            *(node for function in meta.graph_def.library.function for node in function.node_def),
        ]
        kinds |= {node.op for node in nodes}
    if any(kind.startswith("FakeQuant") for kind in kinds):
        raise ModelFileError(
            f"{path} was trained for quantization (it imitates that in its graph); save the model as it was before "
            "quantize_model, and export that with --int8"
        )
    reaching = sorted(kind for kind in kinds if _reaches_out(op_def_registry.get(kind), kind))
    if reaching and not unsafe:
        raise ModelFileError(
            f"{path} has operations that can reach files or other programs ({', '.join(reaching[:5])}); if you "
            "trust it, add --allow-code"
        )


def _reaches_out(definition: Any, kind: str) -> bool:
    if kind in _REACHING_OUT:
        return True
    return definition is not None and bool(definition.is_stateful) and kind not in _STATEFUL


def _variables(loaded: Any) -> list[Any]:
    """The variables of an object that was loaded, each once."""
    import tensorflow as tf

    variables = getattr(loaded, "variables", None)
    if not isinstance(variables, list | tuple) or not all(
        isinstance(item, tf.Variable) for item in variables
    ):
        signature = next(iter(loaded.signatures.values()))
        variables = signature.variables
    return list({id(variable): variable for variable in variables}.values())


def _shown(shape: Any) -> str:
    return "(?)" if shape.rank is None else str(tuple(shape))
