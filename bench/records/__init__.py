"""What is kept of a measurement: pure data."""
