package org.mobilecnn.core;

/** A picture that knows its size; its subclasses know how the pixels are stored. */
abstract class SizedPicture implements Picture {
    private final int width;
    private final int height;

    SizedPicture(int width, int height) {
        this.width = width;
        this.height = height;
    }

    @Override
    public final int width() {
        return width;
    }

    @Override
    public final int height() {
        return height;
    }
}
