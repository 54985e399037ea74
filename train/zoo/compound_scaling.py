"""EfficientNet's compound scaling: one coefficient, phi, scales depth, width and input side together.

Tan, Le, arXiv 1905.11946, section 3.3, equation 3: depth DEPTH^phi, width WIDTH^phi, input side
RESOLUTION^phi, found by a grid search around B0 so that DEPTH x WIDTH^2 x RESOLUTION^2 is about 2.
Nothing here imports Keras.
"""

DEPTH, WIDTH, RESOLUTION = 1.2, 1.1, 1.15
"""Multipliers of the number of blocks, of the channels and of the input side at phi 1 (section 4, step 1)."""

SIDE = 224
"""Input side of B0, pixels."""

SMALLEST_PHI, LARGEST_PHI = -14.03, 15.83
"""Smallest and largest phi: their input sides, 32 and 2047 pixels, are the ends of what a network of the zoo takes."""


def side(phi: float) -> int:
    """Input side at ``phi``, pixels, rounded to the nearest whole one."""
    return round(SIDE * float(RESOLUTION**phi))
