package org.mobilecnn.core;

/** A picture made small enough for a screen: each of its pixels is the mean of a square of the picture's. */
public final class Reduction {
    /** Number of columns. */
    public final int width;

    /** Number of rows. */
    public final int height;

    /** Alpha, red, green and blue of {@code width * height} pixels, rows from the top; not premultiplied. */
    public final int[] colors;

    private final Picture picture;

    /** Sides of the square; of a picture that is narrower or lower, all of that. */
    private final int across;
    private final int down;

    private Reduction(Picture picture, int step) {
        this.picture = picture;
        across = Math.min(step, picture.width());
        down = Math.min(step, picture.height());
        width = picture.width() / across;
        height = picture.height() / down;
        colors = new int[width * height];
    }

    /**
     * Reduces a picture by a whole number; of the pixels on the right and below, as many as make no square are left out.
     *
     * @param most the largest number of pixels along the longer side.
     */
    public static Reduction of(Picture picture, int most) {
        int longest = Math.max(picture.width(), picture.height());
        Reduction reduced = new Reduction(picture, (longest + most - 1) / most);
        reduced.fill();
        return reduced;
    }

    /** Goes along what are neighbours in memory: rows, or the columns of a picture that is stored on its side. */
    private void fill() {
        boolean aside = picture.aside();
        int lines = aside ? width : height;
        int length = aside ? height : width;
        for (int line = 0; line < lines; line++) {
            for (int i = 0; i < length; i++) {
                int x = aside ? line : i;
                int y = aside ? i : line;
                int first = picture.index(x * across, y * down);
                colors[y * width + x] = aside ? mean(first, picture.right(), across, picture.down(), down)
                        : mean(first, picture.down(), down, picture.right(), across);
            }
        }
    }

    /**
     * The mean of a square.
     *
     * @param first where it begins.
     * @param step how far its lines are from each other, {@code lines} of them.
     * @param near how far the pixels of a line are from each other, {@code length} of them.
     */
    private int mean(int first, int step, int lines, int near, int length) {
        int[] pixels = picture.pixels();
        int alpha = 0;
        int high = 0;
        int green = 0;
        int low = 0;
        for (int line = 0; line < lines; line++) {
            int at = first + line * step;
            for (int i = 0; i < length; i++) {
                int pixel = pixels[at];
                alpha += pixel >>> 24;
                high += pixel >> 16 & 0xFF;
                green += pixel >> 8 & 0xFF;
                low += pixel & 0xFF;
                at += near;
            }
        }
        int all = lines * length;
        int half = all / 2;
        boolean swapped = picture.order() == Picture.Order.ABGR;
        int red = swapped ? low : high;
        int blue = swapped ? high : low;
        return (alpha + half) / all << 24 | (red + half) / all << 16 | (green + half) / all << 8 | (blue + half) / all;
    }
}
