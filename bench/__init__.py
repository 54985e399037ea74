"""``.tflite`` files and a device -> measurements and reports."""
