package org.mobilecnn.core;

/**
 * A picture in memory, upright: its pixels as they were decoded, and how they are to be turned.
 *
 * <p>It does not change, and several threads may read it at a time.
 */
public final class Picture {
    /** Which colour of a pixel is in which byte of its number, from the highest. */
    public enum Order {
        /** Alpha, red, green, blue: bytes in the order blue, green, red, alpha in a little-endian memory. */
        ARGB,
        /** Alpha, blue, green, red: bytes in the order red, green, blue, alpha in a little-endian memory. */
        ABGR
    }

    private final int width;
    private final int height;
    private final int[] pixels;
    private final Order order;
    private final int start;
    private final int right;
    private final int down;

    /**
     * A picture of these pixels, which are not copied.
     *
     * @param width number of columns as they are stored.
     * @param height number of rows as they are stored.
     * @param pixels at least width * height numbers, rows from the top, not premultiplied.
     * @param orientation an EXIF orientation, 1 to 8; any other value leaves the picture as it is, like 1.
     */
    public Picture(int width, int height, int[] pixels, Order order, int orientation) {
        if (width < 1 || height < 1 || pixels.length < (long) width * height) {
            throw new IllegalArgumentException(
                    pixels.length + " pixels for a picture of " + width + " x " + height);
        }
        this.pixels = pixels;
        this.order = order;
        boolean aside = orientation >= 5 && orientation <= 8;
        this.width = aside ? height : width;
        this.height = aside ? width : height;
        // Where the upright picture's first pixel is stored, and how far its neighbours are from it.
        boolean fromRight = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
        boolean fromBottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
        int along = fromRight ? -1 : 1;
        int across = fromBottom ? -width : width;
        this.start = (fromRight ? width - 1 : 0) + (fromBottom ? (height - 1) * width : 0);
        this.right = aside ? across : along;
        this.down = aside ? along : across;
    }

    /** The EXIF orientation of a camera's frame that must be turned clockwise by 0, 90, 180 or 270 degrees. */
    public static int orientation(int degrees) {
        int[] orientations = {1, 6, 3, 8};
        if (degrees < 0 || degrees >= 360 || degrees % 90 != 0) {
            throw new IllegalArgumentException("degrees must be 0, 90, 180 or 270, and are " + degrees);
        }
        return orientations[degrees / 90];
    }

    /** Number of columns of the upright picture. */
    public int width() {
        return width;
    }

    /** Number of rows of the upright picture. */
    public int height() {
        return height;
    }

    /** Which colour is where in a pixel. */
    public Order order() {
        return order;
    }

    /** A pixel of the upright picture, in the order {@link #order}. */
    public int pixel(int x, int y) {
        return pixels[index(x, y)];
    }

    /** Whether the pixels are stored as they are seen: rows from the top, each from the left. */
    boolean upright() {
        return right == 1 && down == width;
    }

    /** Whether the picture is stored on its side: the pixels of a column are neighbours in memory. */
    boolean aside() {
        return down == 1 || down == -1;
    }

    /** How far in memory a pixel is from its left neighbour. */
    int right() {
        return right;
    }

    /** How far in memory a pixel is from the one above. */
    int down() {
        return down;
    }

    /** Where in memory a pixel of the upright picture is. */
    int index(int x, int y) {
        return start + x * right + y * down;
    }

    /** The pixels as they are stored; nobody may change them. */
    int[] pixels() {
        return pixels;
    }

    /**
     * Reads rows of the upright picture.
     *
     * @param top the first of them.
     * @param count how many; a turned picture is read much faster by several rows at a time.
     * @param into receives {@code count * width()} pixels, in the order {@link #order}.
     */
    public void rows(int top, int count, int[] into) {
        int first = start + top * down;
        if (right == 1) {
            for (int row = 0; row < count; row++) {
                System.arraycopy(pixels, first + row * down, into, row * width, width);
            }
        } else if (right == -1) {
            for (int row = 0; row < count; row++) {
                int from = first + row * down;
                for (int x = 0; x < width; x++) {
                    into[row * width + x] = pixels[from - x];
                }
            }
        } else {
            // Column by column: in a turned picture, the pixels of a column are neighbours in memory.
            for (int x = 0; x < width; x++) {
                int from = first + x * right;
                for (int at = x; at < count * width; at += width) {
                    into[at] = pixels[from];
                    from += down;
                }
            }
        }
    }
}
