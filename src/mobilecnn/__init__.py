"""Take a Keras image classifier to an ARM phone or board and prove what arrived.

::

    import mobilecnn

    model = mobilecnn.build("mobilenet_v2_x1.0_224")
    (file,) = mobilecnn.export(model, "int8", calibration="flowers/")

The public names are those of ``__all__``; docs/python.md describes them. Importing this package
imports nothing else of it: a name brings its modules when it is first used.

The stages behind them, in the order the data takes (each imports only the ones before it):

* :mod:`mobilecnn.train`: an architecture and a data set -> a trained ``.keras`` file
* :mod:`mobilecnn.convert`: a ``.keras`` file -> a float32 ``.tflite``
* :mod:`mobilecnn.quantize`: a float32 ``.tflite`` -> float16, dynamic-range and int8 files, with parity
* :mod:`mobilecnn.bench`: ``.tflite`` files and a device -> measurements and reports
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mobilecnn.version import __version__ as __version__

if TYPE_CHECKING:
    from mobilecnn.api.compressing import compress as compress
    from mobilecnn.api.making import build as build
    from mobilecnn.api.making import export as export
    from mobilecnn.api.measuring import bench as bench
    from mobilecnn.api.measuring import compare as compare
    from mobilecnn.api.measuring import evaluate as evaluate
    from mobilecnn.api.measuring import load as load
    from mobilecnn.api.measuring import report as report
    from mobilecnn.api.measuring import summarize as summarize
    from mobilecnn.api.predicting import predict as predict
    from mobilecnn.api.training import train as train
    from mobilecnn.bench.judge.compare import Compared as Compared
    from mobilecnn.bench.judge.summary import Result as Result
    from mobilecnn.bench.records.instructions import Instructions as Instructions
    from mobilecnn.bench.records.measurement import Measurement as Measurement
    from mobilecnn.bench.records.stream import Stream as Stream
    from mobilecnn.convert.passport import Passport as Passport
    from mobilecnn.errors import CheckFailed as CheckFailed
    from mobilecnn.errors import EnvironmentProblem as EnvironmentProblem
    from mobilecnn.errors import InputError as InputError
    from mobilecnn.errors import MobileCnnError as MobileCnnError
    from mobilecnn.errors import UsageError as UsageError
    from mobilecnn.exported import Exported as Exported
    from mobilecnn.quantize.evaluation import Accuracy as Accuracy
    from mobilecnn.quantize.evaluation import Evaluation as Evaluation
    from mobilecnn.quantize.predictions import Predicted as Predicted
    from mobilecnn.train.fit import Trained as Trained

__all__ = [
    "Accuracy",
    "CheckFailed",
    "Compared",
    "EnvironmentProblem",
    "Evaluation",
    "Exported",
    "InputError",
    "Instructions",
    "Measurement",
    "MobileCnnError",
    "Passport",
    "Predicted",
    "Result",
    "Stream",
    "Trained",
    "UsageError",
    "__version__",
    "bench",
    "build",
    "compare",
    "compress",
    "evaluate",
    "export",
    "load",
    "predict",
    "report",
    "summarize",
    "train",
]

_HOMES = {
    "Accuracy": "quantize.evaluation",
    "CheckFailed": "errors",
    "Compared": "bench.judge.compare",
    "EnvironmentProblem": "errors",
    "Evaluation": "quantize.evaluation",
    "Exported": "exported",
    "InputError": "errors",
    "Instructions": "bench.records.instructions",
    "Measurement": "bench.records.measurement",
    "MobileCnnError": "errors",
    "Passport": "convert.passport",
    "Predicted": "quantize.predictions",
    "Result": "bench.judge.summary",
    "Stream": "bench.records.stream",
    "Trained": "train.fit",
    "UsageError": "errors",
    "build": "api.making",
    "compare": "api.measuring",
    "compress": "api.compressing",
    "evaluate": "api.measuring",
    "load": "api.measuring",
    "predict": "api.predicting",
    "report": "api.measuring",
    "summarize": "api.measuring",
}
"""Public name -> the module below this package that defines it."""

_VERBS = {"bench": "api.measuring", "export": "api.making", "train": "api.training"}
"""Name of both a module of this package and a function -> the module that defines the function."""


class _CallableModule(ModuleType):
    """A module of the name of an API function: ``mobilecnn.bench`` can be called, and holds the stage."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._function(*arguments, **options)

    @property
    def _function(self) -> Any:
        package, _, name = self.__name__.rpartition(".")
        return getattr(import_module(f"{package}.{_VERBS[name]}"), name)

    @property
    def __signature__(self) -> Any:
        """What :func:`inspect.signature` shows."""
        from inspect import signature

        return signature(self._function)


class _Package(ModuleType):
    """This package: importing a submodule sets it as an attribute here, whoever imports it and when."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _VERBS and type(value) is ModuleType:
            value.__class__ = _CallableModule
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return __all__


sys.modules[__name__].__class__ = _Package

if not TYPE_CHECKING:  # A type checker would take every name for known.

    def __getattr__(name: str) -> Any:
        if name in _VERBS:
            return import_module(f"{__name__}.{name}")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        setattr(sys.modules[__name__], name, value)
        return value
