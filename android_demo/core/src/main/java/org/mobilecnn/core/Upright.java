package org.mobilecnn.core;

/** A picture, turned and mirrored as an EXIF orientation says. */
public final class Upright implements Picture {
    private final Picture picture;
    private final int orientation;

    /** @param orientation an EXIF orientation, 1 to 8; any other value leaves the picture as it is, like 1. */
    public Upright(Picture picture, int orientation) {
        this.picture = picture;
        this.orientation = orientation;
    }

    /**
     * A camera's frame, upright.
     *
     * @param degrees the clockwise turn that the frame needs: 0, 90, 180 or 270.
     */
    public static Upright turned(Picture picture, int degrees) {
        int[] orientations = {1, 6, 3, 8};
        if (degrees < 0 || degrees >= 360 || degrees % 90 != 0) {
            throw new IllegalArgumentException("degrees must be 0, 90, 180 or 270, and are " + degrees);
        }
        return new Upright(picture, orientations[degrees / 90]);
    }

    @Override
    public int width() {
        return orientation >= 5 && orientation <= 8 ? picture.height() : picture.width();
    }

    @Override
    public int height() {
        return orientation >= 5 && orientation <= 8 ? picture.width() : picture.height();
    }

    @Override
    public int argb(int x, int y) {
        int right = picture.width() - 1;
        int bottom = picture.height() - 1;
        switch (orientation) {
            case 2:
                return picture.argb(right - x, y);
            case 3:
                return picture.argb(right - x, bottom - y);
            case 4:
                return picture.argb(x, bottom - y);
            case 5:
                return picture.argb(y, x);
            case 6:
                return picture.argb(y, bottom - x);
            case 7:
                return picture.argb(right - y, bottom - x);
            case 8:
                return picture.argb(right - y, x);
            default:
                return picture.argb(x, y);
        }
    }
}
