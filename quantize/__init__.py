"""A float32 ``.tflite`` -> float16, dynamic-range and int8 files, each checked against the Keras model."""
