"""The runtimes that can be here: tflite-runtime has no wheel for Python 3.12."""

import sys

from mobilecnn.quantize.runtimes import RUNTIMES

INSTALLED = RUNTIMES if sys.version_info < (3, 12) else ("litert",)

OTHER = INSTALLED[-1]
"""Not the default one, where there is another."""
