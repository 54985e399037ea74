"""The optional dependencies: what each extra brings, and the one message for one that is missing.

The core (click, rich, numpy, pillow and ai-edge-litert) reads, times, compares and reports
``.tflite`` files. Everything else is imported where it is used, behind :func:`require`.
"""

from importlib.util import find_spec

from mobilecnn.errors import EnvironmentProblem

EXTRAS: dict[str, dict[str, str]] = {
    "train": {"keras": "Keras", "tensorflow": "TensorFlow", "sklearn": "scikit-learn"},
    "export": {"keras": "Keras", "tensorflow": "TensorFlow", "litert_quantizer": "litert-quantizer"},
    "report": {"matplotlib": "matplotlib"},
    "cluster": {"distributed": "distributed"},
    "jax": {"keras": "Keras", "jax": "JAX", "sklearn": "scikit-learn"},
    "isic": {"isic_challenge_scoring": "isic-challenge-scoring", "pandas": "pandas"},
}
"""Extra of pyproject.toml -> the modules that it brings, each with the name of its package."""


def require(doing: str, extra: str, *modules: str) -> None:
    """Refuse work whose packages are not installed. Nothing is imported.

    Args:
        doing: the work; it begins the message: ``training``.
        extra: a key of :data:`EXTRAS`.
        modules: those of the extra that are needed; all of them by default.

    Raises:
        EnvironmentProblem: a package is missing; the message names all that are, and the command
            that installs them.
    """
    missing = [EXTRAS[extra][module] for module in modules or EXTRAS[extra] if not _installed(module)]
    if missing:
        packages = " and ".join(filter(None, (", ".join(missing[:-1]), missing[-1])))
        raise EnvironmentProblem(
            f"{doing} needs {packages}, which {'is' if len(missing) == 1 else 'are'} not installed: "
            f"pip install 'mobilecnn[{extra}]'"
        )


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
