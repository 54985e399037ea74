"""The Android sample app, and the modules that put models into it and install it."""
