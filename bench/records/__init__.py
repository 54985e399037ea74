"""Records of measurements, counts and streams: pure data."""
