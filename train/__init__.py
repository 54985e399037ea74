"""A data set and an architecture -> a trained ``.keras`` model."""
