package org.mobilecnn.core;

/** A picture that is read pixel by pixel, so that a large one is not copied. */
public interface Picture {
    /** Number of columns, in pixels. */
    int width();

    /** Number of rows, in pixels. */
    int height();

    /** The pixel in column {@code x} and row {@code y} from the top left, as {@code 0xAARRGGBB}, not premultiplied. */
    int argb(int x, int y);
}
