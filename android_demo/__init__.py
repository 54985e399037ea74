"""The Android sample app: what puts models into it. The app itself is beside this file."""
