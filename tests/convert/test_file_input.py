"""What a ``.tflite`` file without a passport says of its input: by its TFLite Metadata, and all of it together."""

import re
import struct
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any

import flatbuffers
import pytest
from tflite_files import Made

from mobilecnn.contract import RANGES, InputContract, contract_for
from mobilecnn.convert.file_input import contract_of_file, stated_by
from mobilecnn.convert.graph import metadata as fields
from mobilecnn.convert.lowering import tflite_metadata
from mobilecnn.errors import UsageError


def said(
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    color: int = 0,
    content: int = fields.IMAGE,
    kinds: Sequence[int] = (fields.NORMALIZATION,),
) -> bytes:
    """TFLite Metadata that says no more of an input than this."""
    b = flatbuffers.Builder(256)

    def table(slots: int, *offsets: tuple[int, int], **bytes_: int) -> int:
        b.StartObject(slots)
        for slot, offset in offsets:
            b.PrependUOffsetTRelativeSlot(slot, offset, 0)
        for slot_name, value in bytes_.items():
            b.PrependUint8Slot(int(slot_name[1:]), value, 0)
        return int(b.EndObject())

    def floats(values: Sequence[float]) -> int:
        b.StartVector(4, len(values), 4)
        for value in reversed(values):
            b.PrependFloat32(value)
        return int(b.EndVector())

    def tables(offsets: Sequence[int]) -> int:
        b.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            b.PrependUOffsetTRelative(offset)
        return int(b.EndVector())

    image = table(2, s0=color)
    properties = table(3, (fields.CONTENT, image), s0=content)
    units = []
    for kind in kinds:
        numbers = [(slot, floats(values)) for slot, values in ((0, mean), (1, std)) if values is not None]
        units.append(table(2, (fields.PROCESS, table(2, *numbers)), s0=kind))
    entry = table(7, (fields.TENSOR_CONTENT, properties), (fields.TENSOR_PROCESS, tables(units)))
    graph = table(9, (fields.SUBGRAPH_INPUTS, tables([entry])))
    b.Finish(table(8, (fields.MODEL_SUBGRAPHS, tables([graph]))), b"M001")
    return bytes(b.Output())


def stated(content: bytes, channels: int = 3) -> InputContract | None:
    graph = Made((1, 8, 6, channels)).graph(said=content)
    return stated_by(graph, (8, 6, channels))


@pytest.mark.parametrize("name", RANGES)
def test_what_we_write_is_read_as_it_was_meant(name: str) -> None:
    contract = contract_for(name, (8, 6, 3))
    assert stated(tflite_metadata.build(contract, ["a"], "demo")) == contract
    if name not in ("torch", "caffe"):
        grey = contract_for(name, (8, 6, 1))
        assert stated(tflite_metadata.build(grey, [], "demo"), channels=1) == grey


STATED: list[tuple[bytes, tuple[str, tuple[float, ...], tuple[float, ...]] | None]] = [
    (said([127.5], [127.5], fields.RGB), RANGES["tf"]),
    (said([0], [255]), RANGES["unit"]),
    (said([0.0] * 3, [1.0] * 3), RANGES["raw"]),
    (said([128], [128], fields.RGB), ("rgb", (128.0,) * 3, (128.0,) * 3)),
    (said([123.68, 116.78, 103.94], [1], fields.RGB), ("rgb", (123.68, 116.78, 103.94), (1.0,) * 3)),
    # ImageNet's means in this order say that the channels are in it, too.
    (said([103.53, 116.28, 123.675], [57.375, 57.12, 58.395]), ("bgr", (103.53, 116.28, 123.675), (57.375, 57.12, 58.395))),
    # Colours that the schema does not have, as older versions wrote them for grey.
    (said([0], [255], 3), RANGES["unit"]),
    # Nothing is said.
    (said([], [], fields.RGB), None),
    (said(kinds=()), None),
    (said([5], [5], kinds=(2,)), None),
    (said([127.5], [127.5], 9, content=1), RANGES["tf"]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "contract"), STATED)
def test_what_others_write(content: bytes, contract: Any) -> None:
    found = stated(content)
    assert (None if found is None else (found.color, found.mean, found.std)) == contract


def test_a_file_without_metadata_states_nothing() -> None:
    assert stated_by(Made().graph(), (8, 8, 3)) is None


TORN = said([127.5], [127.5])

DAMAGED: list[tuple[bytes, int, str]] = [
    (b"", 3, "identifier"),
    (b"\0" * 8, 3, "identifier"),
    (b"\xff\xff\xff\x7fM001", 3, "past the end"),
    (TORN[:40], 3, "past the end"),
    (said([127.5], None), 3, "a mean or a std alone"),
    (said([127.5], []), 3, "a mean or a std alone"),
    (said([127.5], [0.0]), 3, "std must not be 0"),
    (said([127.5], [float("nan")]), 3, "not finite"),
    (said([float("inf")], [1.0]), 3, "not finite"),
    (said([1e30], [1.0]), 3, "mean must be from"),
    (said([1.0, 2.0], [1.0, 2.0]), 3, "2 values for 3 channels"),
    (said([1.0] * 3, [1.0] * 3), 1, "3 values for 1 channels"),
    (said([1.0] * 4, [1.0] * 4), 3, "a vector has 4 numbers"),
    (said([1.0], [1.0], kinds=(1, 1)), 3, "normalizes the input twice"),
    (said([1.0], [1.0], kinds=(2,) * 17), 3, "a vector has 17 tables"),
    (said([0], [255], fields.GRAYSCALE), 3, "says that its input is grey, and that has 3 channels"),
    (said([0], [255], fields.RGB), 1, "says that its input is rgb, and that has 1 channels"),
    (said([103.939, 116.779, 123.68], [1], fields.RGB), 3, "means in the order blue, green, red"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "channels", "words"), DAMAGED)
def test_damaged_metadata_is_refused_unless_it_is_set_aside(
    content: bytes, channels: int, words: str
) -> None:
    graph = Made((1, 8, 6, channels)).graph(said=content or b"x")
    with pytest.raises(ValueError, match=words):
        stated_by(graph, (8, 6, channels))
    for given in (None, "unit"):
        with pytest.raises(
            UsageError, match=rf"it cannot be given .*its TFLITE_METADATA is damaged \(.*{words}"
        ):
            contract_of_file(graph, given, False, what="it", shared=False)
    taken = contract_of_file(graph, "unit", True, what="it", shared=False)
    assert (taken.range_name, taken.overrides) == ("unit", "no known range")


def test_hostile_metadata_is_read_or_refused() -> None:
    """Bytes changed at random: a contract, nothing, or ValueError."""
    whole = tflite_metadata.build(contract_for("torch", (8, 6, 3)), ["a", "b"], "demo")
    random = Random("metadata")
    for _ in range(3000):
        content = bytearray(whole)
        for _ in range(random.randint(1, 4)):
            place = random.randrange(8, len(content) - 4)
            if random.random() < 0.5:
                content[place] = random.randrange(256)
            else:
                struct.pack_into(
                    "<I", content, place, random.choice([0, 1, 2**31, 2**32 - 1, random.randrange(600)])
                )
        with suppress(ValueError):
            fields.read(bytes(content[: random.choice([len(content), random.randrange(8, len(content))])]))


def made(kind: str) -> Made:
    """Files that begin in a way that proves ``kind``."""
    return {
        "nothing": lambda: Made(),
        "raw": lambda: Made().then("MUL", 1 / 255),
        "unit": lambda: Made().then("MUL", 2.0).then("SUB", 1.0),
        "tf": lambda: Made(dtype="int8", scale=2 / 255, zero_point=0).then("DEQUANTIZE", dtype="float32"),
        "either": lambda: Made(dtype="uint8", scale=1 / 128, zero_point=128).then(
            "DEQUANTIZE", dtype="float32"
        ),
        "none": lambda: Made().then("MUL", 1 / 255).then("MUL", 1 / 255),
        "open": lambda: Made().then("REVERSE_V2", [3], integers=True).then("MUL", 1 / 255),
    }[kind]()


def taken(
    proves: str, states: bytes | None, given: str | None, override: bool = False, shared: bool = False
) -> InputContract:
    return contract_of_file(made(proves).graph(said=states), given, override, what="a.tflite", shared=shared)


TF, UNIT, RAW, ODD = said([127.5], [127.5]), said([0], [255]), said([0], [1]), said([128], [128])


@pytest.mark.parametrize(
    ("proves", "states", "given", "expected"),
    [
        # A file that says nothing is fed as the user says.
        ("nothing", None, "unit", "unit"), ("nothing", None, "torch", "torch"), ("nothing", None, "caffe", "caffe"),
        ("nothing", said(color=fields.RGB, kinds=()), "raw", "raw"),
        ("open", None, "raw", "raw"),
        # What it proves or states is used.
        ("raw", None, None, "raw"), ("raw", None, "raw", "raw"), ("unit", None, None, "unit"), ("tf", None, None, "tf"),
        ("nothing", TF, None, "tf"), ("nothing", TF, "tf", "tf"), ("tf", TF, None, "tf"), ("raw", RAW, None, "raw"),
        ("either", TF, None, "tf"), ("either", None, "lite", "lite"), ("either", None, "tf", "tf"),
    ],
)  # fmt: skip
def test_the_range_that_is_taken(proves: str, states: bytes | None, given: str | None, expected: str) -> None:
    contract = taken(proves, states, given)
    assert contract == contract_for(expected, (8, 8, 3))


def test_numbers_of_its_own_are_taken_as_they_are() -> None:
    contract = taken("nothing", ODD, None)
    assert (contract.mean, contract.std, contract.color) == ((128.0,) * 3, (128.0,) * 3, "rgb")
    # A rounding from what is proven is no contradiction.
    assert taken("tf", ODD, None) == taken("either", ODD, None) == contract


REFUSED: list[tuple[str, bytes | None, str | None, str]] = [
    ("nothing", None, None, r"does not say what range its input has: .*: raw \(0..255\), unit .*lite"),
    ("open", None, None, "leaves open whether it is RGB"),
    ("either", None, None, r"does not say .*trained on: tf \(-1..1\), lite \(\(0..255 less 127\) / 128\)$"),
    ("either", None, "unit", r"cannot be given unit \(0..1\): .* give one that it may have \(tf .*, lite .*\), or"),
    ("raw", None, "unit", r"takes raw \(0..255\), because it computes 0.003922 \* input .*, and --input-range says unit"),
    ("unit", None, "tf", r"takes unit \(0..1\), because it computes 2 \* input - 1"),
    ("tf", None, "unit", r"takes tf \(-1..1\), because it quantizes its input to int8 for values from -1.004 to 0.9961"),
    ("open", None, "unit", r"cannot be given unit \(0..1\): it computes 0.003922"),
    ("nothing", TF, "unit", r"takes tf \(-1..1\), because its TFLITE_METADATA says so, and --input-range says unit"),
    ("nothing", ODD, "tf", r"takes \(pixels - \[128.0, 128.0, 128.0\]\) / \[128.0, 128.0, 128.0\], because its TFLITE"),
    ("raw", UNIT, None, r"contradicts itself: its TFLITE_METADATA says that it takes unit .*, and it computes 0.003922 \* input"),
    ("raw", UNIT, "unit", "contradicts itself: its TFLITE_METADATA says that it takes unit"),
    ("raw", ODD, None, "contradicts itself"),
    ("either", UNIT, None, r"contradicts itself: .*unit .*for values from -1 to 0.9922, which excludes that"),
    ("none", TF, None, "contradicts itself: .*leaves nothing usable of any input range"),
    ("none", None, None, "cannot be given any range: it computes 1.538e-05"),
    ("none", None, "raw", r"cannot be given raw \(0..255\): it computes 1.538e-05 .*no range fits it"),
]  # fmt: skip


@pytest.mark.parametrize(("proves", "states", "given", "words"), REFUSED)
def test_what_is_refused_can_be_overridden(
    proves: str, states: bytes | None, given: str | None, words: str
) -> None:
    with pytest.raises(UsageError) as told:
        taken(proves, states, given)
    assert re.search(words, str(told.value)), told.value
    assert str(told.value).startswith("a.tflite ")
    contract = taken(proves, states, given or "lite", override=True)
    assert contract.range_name == (given or "lite")
    if given is not None:
        assert contract.overrides


def test_a_range_for_several_files_is_for_those_that_say_nothing() -> None:
    assert taken("nothing", None, "unit", shared=True).range_name == "unit"
    assert taken("raw", None, "unit", shared=True).range_name == "raw"
    assert taken("nothing", TF, "unit", shared=True).range_name == "tf"
    with pytest.raises(UsageError, match=r"cannot be given unit"):
        taken("either", None, "unit", shared=True)


def test_what_an_older_version_assumed_holds_until_something_is_known() -> None:
    assumed = contract_for("unit", (8, 8, 3), stated=False)

    def contract(proves: str, given: str | None) -> InputContract:
        graph = made(proves).graph(said=UNIT)
        return contract_of_file(graph, given, False, what="it", shared=False, assumed=assumed)

    assert contract("nothing", None) == assumed and contract("unit", None).stated
    assert contract("nothing", "tf").range_name == "tf"  # The metadata has what was assumed.
    assert contract("raw", None) == contract_for("raw", (8, 8, 3))
    for proves, words in (("either", "does not say what range"), ("none", "cannot be given any range")):
        with pytest.raises(UsageError, match=words):
            contract(proves, None)
