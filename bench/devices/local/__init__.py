"""The backend that is this machine."""
