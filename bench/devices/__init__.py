"""Where models run: one small interface, and a folder for each kind of device."""
