"""What a ``.tflite`` file says of itself that comes without a passport, or without one that says it: range and labels."""

import io
import zipfile
import zlib
from collections.abc import Sequence

from mobilecnn.contract import InputContract
from mobilecnn.convert.file_preprocessing import follow_file
from mobilecnn.convert.findings import Finding, contract_of
from mobilecnn.convert.graph import metadata
from mobilecnn.convert.graph.flatbuffer import Graph
from mobilecnn.convert.input_range import imagenet_order
from mobilecnn.files import LARGEST_TEXT
from mobilecnn.labels import parse


def contract_of_file(
    graph: Graph,
    given: str | None,
    override: bool,
    *,
    what: str,
    shared: bool,
    assumed: InputContract | None = None,
) -> InputContract:
    """The input contract of a file with one input, (1, height, width, channels): stated, proven or given.

    Args:
        graph: the file.
        given: key of :data:`mobilecnn.contract.RANGES` that the user gave; None without one.
        override: whether the user's range goes before what the file says.
        what: the file, for messages.
        shared: whether the user's range is for several files, and so for those that say nothing.
        assumed: contract that was assumed at export, and written into the file's metadata with nothing to tell it by; it
            holds until something is known. None without one.

    Raises:
        UsageError: nothing is known and nothing given, or two of the three contradict each other.
    """
    shape = graph.inputs[0].shape[1:]
    finding, stated = follow_file(graph), None
    if assumed is not None:
        if given is None and finding.proven is None and assumed.range_name in finding.possible:
            return assumed
    else:
        try:
            stated = stated_by(graph, shape)
        except ValueError as error:
            finding = Finding(None, f"its {metadata.ENTRY} is damaged ({error})", possible=frozenset())
    return contract_of(
        finding, stated, f"its {metadata.ENTRY}", shape, given, override, what=what, shared=shared
    )


def stated_by(graph: Graph, shape: Sequence[int]) -> InputContract | None:
    """The contract that a file's TFLite Metadata states for an input of ``shape``; None where it states none.

    Raises:
        ValueError: it is damaged, or no contract of that input.
    """
    content = graph.metadata.get(metadata.ENTRY)
    if content is None:
        return None
    said = metadata.read(content)
    height, width, channels = shape
    if said.color and (said.color == "grey") != (channels == 1):
        raise ValueError(f"it says that its input is {said.color}, and that has {channels} channels")
    if not said.mean:
        return None
    mean, std = (_of_each(values, channels) for values in (said.mean, said.std))
    color = "grey" if channels == 1 else "rgb"
    if channels == 3 and imagenet_order(mean) == "bgr":
        if said.color == "rgb":
            raise ValueError("it says RGB, and has ImageNet's means in the order blue, green, red")
        color = "bgr"
    contract = InputContract(height, width, channels, color, mean, std)
    contract.check()
    return contract


def labels_of_file(content: bytes, graph: Graph) -> tuple[str, ...]:
    """The class names inside a file, in output order, as its TFLite Metadata states them; empty where it states none.

    Args:
        content: the whole file, at whose end the texts lie as a zip archive.
        graph: the same file.
    """
    stated = graph.metadata.get(metadata.ENTRY)
    if stated is None:
        return ()
    try:
        name = metadata.label_file(stated)
        if not name:
            return ()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            about = archive.getinfo(name)
            if about.file_size > LARGEST_TEXT or about.flag_bits & 1:
                return ()
            return parse(archive.read(about).decode())
    except (ValueError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError):
        return ()  # A damaged list of names names nothing; what the metadata says of the input is judged elsewhere.


def _of_each(values: Sequence[float], channels: int) -> tuple[float, ...]:
    """One value for each channel, without the rounding of float32."""
    if len(values) not in (1, channels):
        raise ValueError(f"it has {len(values)} values for {channels} channels")
    every = values if len(values) == channels else [values[0]] * channels
    return tuple(float(f"{value:.7g}") for value in every)
