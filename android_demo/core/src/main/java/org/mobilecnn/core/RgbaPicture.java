package org.mobilecnn.core;

import java.nio.ByteBuffer;

/** A picture in memory: red, green, blue, alpha, a byte each, rows from the top, not premultiplied. */
public final class RgbaPicture extends SizedPicture {
    private final ByteBuffer rgba;

    /** @param rgba at least 4 * width * height bytes, read from the beginning. */
    public RgbaPicture(int width, int height, ByteBuffer rgba) {
        super(width, height);
        if (rgba.capacity() < 4 * width * height) {
            throw new IllegalArgumentException(
                    rgba.capacity() + " bytes for " + width + " x " + height + " pixels");
        }
        this.rgba = rgba;
    }

    @Override
    public int argb(int x, int y) {
        int at = 4 * (y * width() + x);
        return (rgba.get(at + 3) & 0xFF) << 24 | (rgba.get(at) & 0xFF) << 16
                | (rgba.get(at + 1) & 0xFF) << 8 | rgba.get(at + 2) & 0xFF;
    }
}
