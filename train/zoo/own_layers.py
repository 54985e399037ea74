"""The layers of the zoo's own: once this is imported, Keras knows them in the files that it loads."""

from mobilecnn.train.zoo.local_response import LocalResponseNormalization
from mobilecnn.train.zoo.weighted_sum import WeightedSum

__all__ = ["LocalResponseNormalization", "WeightedSum"]
