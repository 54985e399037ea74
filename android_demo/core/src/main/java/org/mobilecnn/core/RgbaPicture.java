package org.mobilecnn.core;

import java.nio.ByteBuffer;

/** A picture in memory: red, green, blue, alpha, a byte each, rows from the top, not premultiplied. */
public final class RgbaPicture implements Picture {
    private final int width;
    private final int height;
    private final ByteBuffer rgba;

    /** @param rgba holds 4 * width * height bytes from its beginning on. */
    public RgbaPicture(int width, int height, ByteBuffer rgba) {
        if (rgba.capacity() < 4 * width * height) {
            throw new IllegalArgumentException(
                    rgba.capacity() + " bytes for " + width + " x " + height + " pixels");
        }
        this.width = width;
        this.height = height;
        this.rgba = rgba;
    }

    @Override
    public int width() {
        return width;
    }

    @Override
    public int height() {
        return height;
    }

    @Override
    public int argb(int x, int y) {
        int at = 4 * (y * width + x);
        return (rgba.get(at + 3) & 0xFF) << 24 | (rgba.get(at) & 0xFF) << 16
                | (rgba.get(at + 1) & 0xFF) << 8 | rgba.get(at + 2) & 0xFF;
    }
}
