"""The cause in other tools' words. The texts are those that the tools wrote, shortened in the middle."""

import re

import pytest

from mobilecnn.causes import LONGEST, Signature, cause, explain, last_words
from mobilecnn.convert.keras_causes import aborted
from mobilecnn.errors import ChildCrashed

KERAS_WEIGHTS = """A total of 1 objects could not be loaded. Example error message for object <Conv2D name=conv2d, built=True>:

Layer 'conv2d' expected 1 variables, but received 2 variables during loading. Expected: ['kernel']

List of objects that could not be loaded:
[<Conv2D name=conv2d, built=True>]"""

KERAS_CONFIG = """<class 'keras.src.models.functional.Functional'> could not be deserialized properly. Please ensure that \
components that are Python object instances (layers, models, etc.) returned by `get_config()` are explicitly deserialized.

config={'module': 'keras.src.models.functional', 'class_name': 'Functional'}.

Exception encountered: Error when deserializing class 'Conv2D' using config={'name': 'conv2d'}.

Exception encountered: Unrecognized keyword arguments passed to Conv2D: {'sparkle': 3}"""

MLIR = """Could not translate MLIR to FlatBuffer./opt/python3.11/site-packages/tensorflow/python/framework/func_graph.py:1060:1: \
error: 'tf.Qr' op is neither a custom op nor a flex op
    func_outputs = python_func(*func_args, **func_kwargs)
^
<unknown>:0: error: failed while converting: 'main'"""

KERAS_CALL = """Exception encountered when calling Scale.call().

\x1b[1m{{function_node __wrapped____MklBatchMatMulV2_device_/job:localhost/replica:0/task:0/device:CPU:0}} Matrix size-incompatible: \
In[0]: [1,4,4,3], In[1]: [7,7] 0 0 [Op:BatchMatMulV2] name: \x1b[0m

Arguments received by Scale.call():
  • x=tf.Tensor(shape=(1, 4, 4, 3), dtype=float32)
  • mask=None"""

KERAS_INFERRED = """Exception encountered when calling Scale.call().

\x1b[1mCould not automatically infer the output shape / dtype of 'scale' (of type Scale). Either the `Scale.call()` method is \
incorrect, or you need to implement the `Scale.compute_output_spec() / compute_output_shape()` method. Error encountered:

no such thing
and more\x1b[0m

Arguments received by Scale.call():
  • args=('<KerasTensor shape=(None, 4, 4, 3), dtype=float32, sparse=False, ragged=False, name=keras_tensor>',)
  • kwargs=<class 'inspect._empty'>"""

USER_CODE = """in user code:

    File "/home/me/own.py", line 14, in h  *
        if x.shape[0] == 3: raise TypeError("a fault")

    TypeError: a fault
    of two lines
"""

IN_USER_CODE = (
    'in user code:\n\n    File "/home/me/own.py", line 20, in call\n        return self.d(x)\n\n    ValueError: '
    + KERAS_CALL
)

GRAPH = """Graph execution error:

Detected at node Reshape defined at (most recent call last):
  File "/home/me/own.py", line 8, in <module>

  File "/home/me/own.py", line 7, in g

Input to reshape is a tensor with 12 values, but the requested shape requires a multiple of 7
\t [[{{node Reshape}}]] [Op:__inference_g_14]"""

ABORTED = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1795665121.912251    1609 port.cc:153] oneDNN custom operations are on.",
    "LLVM ERROR: operation destroyed but still has uses",
    "Stack dump without symbol names (ensure you have llvm-symbolizer in your PATH):",
    "0  libtensorflow_cc.so.2 0x00007f3c1a2b 15",
)


def told(text: str) -> tuple[str, ...]:
    """The lines in which a process that raises a ValueError ends, as they are kept of it."""
    traceback = f'Traceback (most recent call last):\n  File "/x/it.py", line 1, in <module>\n    it()\nValueError: {text}'
    return tuple(line.strip() for line in traceback.splitlines() if line.strip())


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (KERAS_WEIGHTS, "Layer 'conv2d' expected 1 variables, but received 2 variables during loading. Expected: ['kernel']"),
        (KERAS_CONFIG, "Unrecognized keyword arguments passed to Conv2D: {'sparkle': 3}"),
        (KERAS_CALL, "Matrix size-incompatible: In[0]: [1,4,4,3], In[1]: [7,7] 0 0"),
        (KERAS_INFERRED, "no such thing"),
        (USER_CODE, "TypeError: a fault"),
        (IN_USER_CODE, "Matrix size-incompatible: In[0]: [1,4,4,3], In[1]: [7,7] 0 0"),
        (GRAPH, "Input to reshape is a tensor with 12 values, but the requested shape requires a multiple of 7"),
        (KeyError("input_layer_27"), "KeyError: 'input_layer_27'"),
        (MLIR, "'tf.Qr' op is neither a custom op nor a flex op"),
        ("<unknown>:0: error: loc(\"a/b\"): 'tf.Mul' op needs two operands", "'tf.Mul' op needs two operands"),
        (
            "Unable to synchronously open file (truncated file: eof = 96, sblock->base_addr = 0, stored_eof = 2048)",
            "truncated file: eof = 96, sblock->base_addr = 0, stored_eof = 2048",
        ),
        ("external/org_tensorflow/tflite/kernels/conv.cc:349 the filter has no channels", "the filter has no channels"),
        ("\n\n  a plain sentence\nand more", "a plain sentence"),
        (ValueError("a\nb"), "a"),
        (ValueError(), "ValueError"),
        ("", "it says nothing"),
    ],
)  # fmt: skip
def test_the_line_that_tells(told: str | Exception, line: str) -> None:
    assert cause(told) == line


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (ABORTED, "operation destroyed but still has uses"),
        (("F0000 00:00:1795.1 1609 array.cc:77] Check failed: size >= 0 (-1 vs. 0)", "*** Check failure stack trace: ***", "@ 0x7f3"),
         "Check failed: size >= 0 (-1 vs. 0)"),
        (("terminate called after throwing an instance of 'std::length_error'", "what():  vector::_M_default_append"),
         "vector::_M_default_append"),
        (("python3: /build/llvm/Value.cpp:91: Value::~Value(): Assertion `use_empty()' failed.", "#0 0x00007f abort"),
         "Assertion `use_empty()' failed"),
        (("Fatal Python error: Segmentation fault", "Current thread 0x00007f (most recent call first):", 'File "a.py", line 1'),
         "Segmentation fault"),
        (("Traceback (most recent call last):", 'File "a.py", line 1, in <module>', "KeyError: 'a bug'"), "KeyError: 'a bug'"),
        (("welcome to the board", "out of luck"), "out of luck"),
        (told(KERAS_CALL), "Matrix size-incompatible: In[0]: [1,4,4,3], In[1]: [7,7] 0 0"),
        (told(KERAS_INFERRED), "no such thing"),
        (told(USER_CODE), "TypeError: a fault"),
        (told(GRAPH), "Input to reshape is a tensor with 12 values, but the requested shape requires a multiple of 7"),
        (told("a fault\nof two lines"), "ValueError: a fault"),
    ],
    ids=[
        "llvm", "check", "exception", "assertion", "python", "traceback", "plain", "call", "inferred", "user", "graph", "lines",
    ],
)  # fmt: skip
def test_why_a_process_ended(lines: tuple[str, ...], line: str) -> None:
    assert last_words(lines) == line


def test_long_words_are_cut() -> None:
    assert len(cause("x" * 1000)) == len(last_words(["x" * 1000])) == LONGEST


SIGNATURES = (
    Signature(re.compile(r"no room on (?P<disk>\w+)"), "{path}: {disk} is full"),
    Signature(re.compile(r"KeyError: '(?P<key>\w+)'"), "{path} lacks {key}"),
)


def test_what_an_exception_came_from_is_read_too() -> None:
    try:
        try:
            raise OSError("no room on sda")
        except OSError as error:
            raise ValueError("it failed") from error
    except ValueError as error:
        assert explain(error, SIGNATURES, path="x") == "x: sda is full"
    assert explain(KeyError("a"), SIGNATURES, path="x") == "x lacks a"
    assert explain(ValueError("something else"), SIGNATURES, path="x") is None


CRASHES: list[tuple[int | None, tuple[str, ...], str | None]] = [
    (-6, ABORTED, "TensorFlow broke down over a.keras (operation destroyed but still has uses); replace the layers"),
    (-8, ("WARNING:absl:Please consider providing the trackable_obj argument",), "over a.keras (SIGFPE); replace"),
    (-11, (), "over a.keras (SIGSEGV); replace"),
    (-6, ("terminate called after throwing an instance of 'std::bad_alloc'", "what():  std::bad_alloc"), "a.keras needs more memory"),
    # Ended from outside, by Python, or not at all.
    (-9, (), None),
    (-15, (), None),
    (1, ("Traceback (most recent call last):", "KeyError: 'a bug'"), None),
    (None, (), None),
]  # fmt: skip


@pytest.mark.parametrize(("code", "words", "said"), CRASHES)
def test_over_what_tensorflow_broke_down(code: int | None, words: tuple[str, ...], said: str | None) -> None:
    told = aborted("a.keras", code, ChildCrashed("it ended", "it ended", words))
    assert (told is None) if said is None else (told is not None and said in told)
