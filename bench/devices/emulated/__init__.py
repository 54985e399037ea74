"""ARM processors that QEMU emulates."""
