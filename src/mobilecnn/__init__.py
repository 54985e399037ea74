"""Take a Keras image classifier to an ARM phone or board and prove what arrived.

The stages, in the order the data takes (each imports only the ones before it):

* :mod:`mobilecnn.train`: an architecture and a data set -> a trained ``.keras`` file
* :mod:`mobilecnn.convert`: a ``.keras`` file -> a float32 ``.tflite``
* :mod:`mobilecnn.quantize`: a float32 ``.tflite`` -> float16, dynamic-range and int8 files, with parity
* :mod:`mobilecnn.bench`: ``.tflite`` files and a device -> measurements and reports
"""

from mobilecnn.version import __version__ as __version__
