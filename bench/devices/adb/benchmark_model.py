"""TFLite's ``benchmark_model``: the flags it is given, and what kind of program it is.

It is a program of the TensorFlow Lite sources (``tflite/tools/benchmark`` in LiteRT,
``tensorflow/lite/tools/benchmark`` before), prebuilt for Android by Google; LiteRT has a second one of the
same name (``litert/tools``). What it prints: :mod:`mobilecnn.bench.devices.adb.printed`.
"""

import struct
from collections.abc import Sequence
from pathlib import Path

from mobilecnn.bench.records.protocol import GPU, NO_DELEGATE, XNNPACK
from mobilecnn.errors import InputError
from mobilecnn.files import read_bytes

TRUSTED_WORDS = (
    "Failed to load model", "Failed to initialize the interpreter", "Failed to allocate tensors",
    "Didn't find op for builtin opcode", "Failed to construct interpreter", "Failed to invoke",
    "not a valid Flatbuffer", "Encountered unresolved custom op",
)  # fmt: skip
"""Phrases in which the program blames the model."""

# e_machine and bits of an ELF file (System V ABI) -> what Android calls such programs.
_ABIS = {(183, 64): "arm64-v8a", (40, 32): "armeabi-v7a", (62, 64): "x86_64", (3, 32): "x86"}
PREBUILT = {"arm64-v8a": "android_aarch64_benchmark_model", "armeabi-v7a": "android_arm_benchmark_model"}
"""Names that Google gives the prebuilt files, by what Android calls such programs."""
BUILDS = {**PREBUILT, "x86_64": "a build of your own with --config=android_x86_64"}
"""Builds that a device needs, by what it runs."""


DELEGATE_FLAGS = {XNNPACK: "--use_xnnpack=true", NO_DELEGATE: "--use_xnnpack=false", GPU: "--use_gpu=true"}
"""Flags that ask for a delegate, by its name in a protocol. Without any, XNNPACK is left to the tool's own default."""


def flags(
    model: str,
    threads: int,
    warmup_runs: int,
    warmup_seconds: float,
    runs: int,
    seconds: float,
    longest: float,
    delegate: str,
) -> list[str]:
    """The flags for one timing."""
    asked = [DELEGATE_FLAGS[delegate]] if delegate in DELEGATE_FLAGS else []
    return [
        f"--graph={model}",
        f"--num_threads={threads}",
        f"--warmup_runs={warmup_runs}",
        f"--warmup_min_secs={warmup_seconds:g}",
        f"--num_runs={runs}",
        f"--min_secs={seconds:g}",
        f"--max_secs={longest:g}",
        *asked,
    ]


PROFILE = "--enable_op_profiling=true"
"""Flag that adds a profile to a timing, and slows it down."""


def flags_for_answer(
    model: str, threads: int, shape: Sequence[int], tensor: str, answer: str, delegate: str
) -> list[str]:
    """The flags for one inference on a given input.

    The file ``tensor`` holds the bytes of the model's only input, which is copied there before
    each inference; after the last one the bytes of all outputs are written to ``answer`` (read
    in ``benchmark_tflite_model.cc``: ``LoadInputTensorData``, ``OutputSaver``). The name of the
    input is ours: it need not be the model's, only the same in both flags.
    """
    return [
        *flags(model, threads, 1, 0, 1, 0, 150, delegate),
        "--input_layer=input",
        f"--input_layer_shape={','.join(map(str, shape))}",
        f"--input_layer_value_files=input:{tensor}",
        f"--output_filepath={answer}",
    ]


def failure(lines: Sequence[str]) -> str:
    """The line of a failed run's output that says most: its last error, else its last line."""
    said = [line.strip() for line in lines if line.strip()]
    errors = [line for line in said if line.startswith(("ERROR", "FATAL", "F ", "E "))] or said[-1:]
    telling = [line for line in errors if refuses_model(line)] or errors
    return telling[0][:300] if telling else "it says nothing"


def refuses_model(text: str) -> bool:
    """Whether it says that the fault is the model's."""
    return any(words in text for words in TRUSTED_WORDS)


def abi_of(path: Path) -> str:
    """What Android calls programs like this one: ``arm64-v8a``.

    Raises:
        InputError: it is missing, no program, or one for another system.
    """
    content = read_bytes(path, "benchmark_model program")
    if content[:4] != b"\x7fELF" or len(content) < 20 or content[5] != 1:
        raise InputError(
            f"{path} is not a program for Android (no ELF file); give the binary itself, unpacked"
        )
    bits = {1: 32, 2: 64}.get(content[4], 0)
    (machine,) = struct.unpack_from("<H", content, 18)
    abi = _ABIS.get((machine, bits))
    if abi is None:
        raise InputError(
            f"{path} is a program for a machine that no phone is (ELF machine {machine}, {bits} bits)"
        )
    if b"/lib/ld-linux" in content[:4096] or b"/lib64/ld-linux" in content[:4096]:
        raise InputError(
            f"{path} is a program for Linux and not for Android; take {BUILDS.get(abi, 'another')}"
        )
    return abi
