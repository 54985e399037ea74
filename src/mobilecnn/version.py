"""The version of mobilecnn, in the one place that states it."""

__version__ = "0.1.0"
"""Version of the package and of every record that it writes (semantic versioning)."""
