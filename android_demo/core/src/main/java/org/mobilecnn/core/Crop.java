package org.mobilecnn.core;

/** A part of a camera's frame: what a place on the screen shows of it, which is what the model is given. */
public final class Crop {
    /** First column of the frame as it is stored. */
    public final int left;

    /** First row of the frame as it is stored. */
    public final int top;

    /** Number of columns, as they are stored. */
    public final int width;

    /** Number of rows, as they are stored. */
    public final int height;

    private Crop(int left, int top, int width, int height) {
        this.left = left;
        this.top = top;
        this.width = width;
        this.height = height;
    }

    /**
     * Height of a picture that is as wide as its place on the screen, in the unit of {@code placeWidth}. It lies in the
     * middle of its place, which cuts off what is above and below.
     *
     * @param width number of the upright picture's columns.
     * @param height number of its rows.
     */
    public static int shownHeight(int width, int height, int placeWidth) {
        return (int) ((long) placeWidth * height / width);
    }

    /**
     * The part of a frame that is seen where the frame is shown as {@link #shownHeight} says, to within a row.
     *
     * @param width number of the frame's columns as it is stored.
     * @param height number of its rows as it is stored.
     * @param degrees the clockwise turn that brings the frame upright: 0, 90, 180 or 270.
     * @param placeWidth width of its place on the screen, in any unit; 0 where it is not known, and then the part is all.
     * @param placeHeight height of its place, in the same unit.
     */
    public static Crop shown(int width, int height, int degrees, int placeWidth, int placeHeight) {
        // Of the upright frame all columns are seen, and these rows.
        boolean aside = degrees % 180 != 0;
        int across = aside ? height : width;
        int down = aside ? width : height;
        long seen = placeWidth < 1 || placeHeight < 1 ? down : Math.round((double) placeHeight * across / placeWidth);
        int rows = (int) Math.max(1, Math.min(down, seen));
        int above = (down - rows) / 2;
        int below = down - rows - above;
        switch (degrees) {
            case 0:
                return new Crop(0, above, width, rows);
            case 90:
                return new Crop(above, 0, rows, height);
            case 180:
                return new Crop(0, below, width, rows);
            case 270:
                return new Crop(below, 0, rows, height);
            default:
                throw new IllegalArgumentException("degrees must be 0, 90, 180 or 270, and are " + degrees);
        }
    }
}
