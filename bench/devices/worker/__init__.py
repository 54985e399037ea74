"""The process in which a model is timed, also on a board that has no mobilecnn.

:func:`mobilecnn.bench.devices.packing.worker_file` packs this folder into one file that Python runs.

It needs Python 3.9 or newer, numpy and one runtime (``ai-edge-litert`` or
``tflite-runtime``), and imports nothing else outside the standard library. It reads one
job, a line of JSON, from standard input and answers with one line of JSON on standard
output (``stream``: with several); everything that libraries print goes to standard error.

``{"task": "probe"}``
    What machine this is.
``{"task": "runtime", "runtime"}``
    The version of a runtime.
``{"task": "installed", "runtime"}``
    The version of a runtime that is installed, which is not imported.
``{"task": "identity"}``
    What tells this machine from all others: ``{"boot", "machine"}``, each null where unreadable.
``{"task": "system"}``
    Its C library and the size of its memory pages: ``{"system", "page_bytes"}``.
``{"task": "wheels", "folder"}``
    What the wheels in a folder need: ``{"wheels"}``, by file name the minor version of glibc 2 and the
    largest size of memory pages that they can be loaded with.
``{"task": "state"}``
    Its clocks, temperatures and throttling now.
``{"task": "bandwidth", "threads", "seconds"}``
    Copy an array that no cache holds, again and again: ``{"bytes", "samples_ns"}``, the bytes that
    one pass reads and writes, and how long each took.
``{"task": "time", "model", "runtime", "threads", "seed", "warmup_runs", "warmup_seconds",
"runs", "seconds", "longest_seconds", "most_runs"}``
    Load the model, fill its inputs with seeded random data, run it once, warm up, time it. With
    ``"delegate": "none"`` by the built-in kernels; with ``"cores"`` bound to those (:mod:`.cores`).
``{"task": "stream", "model", "runtime", "threads", "seed", "runs", "seconds", "most_runs",
"window_seconds", "most_samples"}``
    The same without a warm-up, and for as long as is asked. Answers with several lines: one
    about the start, one for each window of time as it ends, and ``{"end": true}``.
``{"task": "count", "model", "runtime", "threads", "seed", "warmup_runs", "runs"}``
    The same without clocks: after the first inference so many more, with a mark before each and
    after the last, by which :mod:`mobilecnn.bench.devices.emulated.device` counts. ``{"runtime_version",
    "xnnpack_partitions"}``.
``{"task": "answer", "model", "runtime", "threads", "inputs"}``
    Load the model, run it once for each of the inputs, and send what it gave: ``{"outputs"}``.
    A tensor is ``{"dtype", "shape", "data"}``: numpy's name of the type, the sizes, and the
    little-endian bytes in C order as base64.

With ``"until_input_closes": true`` the process ends as soon as its standard input does, so
that a parent that dies, or a connection that breaks, leaves nothing behind.

A failure is answered as ``{"error": KIND, "message": TEXT}``; KIND is a class of
``mobilecnn.errors``. Times are integer nanoseconds.
"""
