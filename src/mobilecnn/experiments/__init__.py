"""Running the recipes of :mod:`mobilecnn.train.experiments`, and their tables."""
