"""The shape of a network's input."""


def image_shape(size: int | tuple[int, int], channels: int = 3) -> tuple[int, int, int]:
    """(height, width, channels) of a square image of that side in pixels, or of one of that height and width."""
    height, width = (size, size) if isinstance(size, int) else size
    return height, width, channels
