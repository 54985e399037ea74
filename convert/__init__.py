"""A ``.keras`` model -> a float32 ``.tflite``, and what can be read out of any ``.tflite``."""
