package org.mobilecnn.demo;

import android.content.ContentResolver;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.graphics.Color;
import android.media.ExifInterface;
import android.net.Uri;
import java.io.IOException;
import java.io.InputStream;
import java.nio.IntBuffer;
import org.mobilecnn.core.Picture;

/** A photo as the user chose it, upright. */
final class Photo {
    /** Largest number of pixels that are decoded: 64 MB, and more than the cameras of most phones take. */
    private static final int MAX_PIXELS = 16 << 20;

    /** Largest number of pixels along the longer side of a picture on the screen. */
    private static final int MAX_SHOWN = 1024;

    /** Largest number of pixels along a side of the square that becomes one on the screen; 4 are all of most photos. */
    private static final int MOST_SAMPLES = 4;

    /** The picture to classify. */
    final Picture picture;

    /** Whether the picture was reduced while it was decoded. */
    final boolean reduced;

    private Photo(Picture picture, boolean reduced) {
        this.picture = picture;
        this.reduced = reduced;
    }

    /**
     * Decodes a picture.
     *
     * @throws IOException if it cannot be read or is not a picture.
     */
    static Photo open(ContentResolver resolver, Uri uri) throws IOException {
        BitmapFactory.Options size = new BitmapFactory.Options();
        size.inJustDecodeBounds = true;
        decode(resolver, uri, size);
        if (size.outWidth < 1 || size.outHeight < 1) {
            throw new IOException("not a picture");
        }
        BitmapFactory.Options options = exact();
        long pixels = (long) size.outWidth * size.outHeight;
        while (pixels / ((long) options.inSampleSize * options.inSampleSize) > MAX_PIXELS) {
            options.inSampleSize *= 2;
        }
        Bitmap bitmap = decode(resolver, uri, options);
        if (bitmap == null) {
            throw new IOException("damaged, or of an unknown kind");
        }
        return new Photo(picture(bitmap, orientation(resolver, uri)), options.inSampleSize > 1);
    }

    /** A picture reduced for the screen: each of its pixels is the mean of a square of the picture's. */
    static Bitmap shown(Picture picture) {
        int longest = Math.max(picture.width(), picture.height());
        int step = (longest + MAX_SHOWN - 1) / MAX_SHOWN;
        int width = Math.max(1, picture.width() / step);
        int height = Math.max(1, picture.height() / step);
        int[] colors = new int[width * height];
        boolean swapped = picture.order() == Picture.Order.ABGR;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int pixel = mean(picture, x * step, y * step, step);
                int red = swapped ? pixel & 0xFF : pixel >> 16 & 0xFF;
                int blue = swapped ? pixel >> 16 & 0xFF : pixel & 0xFF;
                colors[y * width + x] = pixel & 0xFF00FF00 | red << 16 | blue;
            }
        }
        return Bitmap.createBitmap(colors, width, height, Bitmap.Config.ARGB_8888);
    }

    /** The mean of the pixels of a square, or of as many of them as suffice. */
    private static int mean(Picture picture, int left, int top, int side) {
        int count = Math.min(side, MOST_SAMPLES);
        int right = Math.min(side, picture.width());
        int bottom = Math.min(side, picture.height());
        int alpha = 0;
        int high = 0;
        int green = 0;
        int low = 0;
        for (int row = 0; row < count; row++) {
            for (int column = 0; column < count; column++) {
                int pixel = picture.pixel(left + column * right / count, top + row * bottom / count);
                alpha += pixel >>> 24;
                high += pixel >> 16 & 0xFF;
                green += pixel >> 8 & 0xFF;
                low += pixel & 0xFF;
            }
        }
        int all = count * count;
        int half = all / 2;
        return (alpha + half) / all << 24 | (high + half) / all << 16 | (green + half) / all << 8 | (low + half) / all;
    }

    /** Options for the pixels as they are in the file: no scaling by density, no premultiplication. */
    static BitmapFactory.Options exact() {
        BitmapFactory.Options options = new BitmapFactory.Options();
        options.inScaled = false;
        options.inPremultiplied = false;
        options.inPreferredConfig = Bitmap.Config.ARGB_8888;
        options.inSampleSize = 1;
        return options;
    }

    /**
     * The pixels of a bitmap that was decoded with {@link #exact}, copied; the bitmap is of no use afterwards.
     *
     * @param orientation an EXIF orientation.
     * @throws IOException if its pixels cannot be read.
     */
    static Picture picture(Bitmap decoded, int orientation) throws IOException {
        Bitmap bitmap = decoded;
        if (decoded.getConfig() != Bitmap.Config.ARGB_8888) {
            // Pictures of more than 8 bits are decoded to RGBA_F16 or RGBA_1010102, whatever is preferred.
            bitmap = decoded.copy(Bitmap.Config.ARGB_8888, false);
            decoded.recycle();
            if (bitmap == null) {
                throw new IOException("of the unknown pixel format " + decoded.getConfig());
            }
        }
        // Not getPixels, which converts the colours of wide-gamut pictures; Python does not.
        int[] pixels = new int[bitmap.getWidth() * bitmap.getHeight()];
        bitmap.copyPixelsToBuffer(IntBuffer.wrap(pixels));
        Picture picture = new Picture(bitmap.getWidth(), bitmap.getHeight(), pixels, order(), orientation);
        bitmap.recycle();
        return picture;
    }

    /** The byte order of bitmaps here, which Android does not promise: that of one red pixel. */
    private static Picture.Order order() {
        Bitmap one = Bitmap.createBitmap(1, 1, Bitmap.Config.ARGB_8888);
        one.eraseColor(Color.RED);
        int[] pixel = new int[1];
        one.copyPixelsToBuffer(IntBuffer.wrap(pixel));
        one.recycle();
        return pixel[0] == Color.RED ? Picture.Order.ARGB : Picture.Order.ABGR;
    }

    private static Bitmap decode(ContentResolver resolver, Uri uri, BitmapFactory.Options options)
            throws IOException {
        try (InputStream stream = stream(resolver, uri)) {
            return BitmapFactory.decodeStream(stream, null, options);
        }
    }

    private static int orientation(ContentResolver resolver, Uri uri) throws IOException {
        try (InputStream stream = stream(resolver, uri)) {
            return new ExifInterface(stream).getAttributeInt(ExifInterface.TAG_ORIENTATION, 1);
        } catch (IOException noExif) {
            // The file's format has no EXIF data.
            return 1;
        }
    }

    private static InputStream stream(ContentResolver resolver, Uri uri) throws IOException {
        try {
            InputStream stream = resolver.openInputStream(uri);
            if (stream == null) {
                throw new IOException("nothing there");
            }
            return stream;
        } catch (SecurityException forgotten) {
            // The permission to read a picture ends with the task that it was granted to.
            throw new IOException("this app may no longer read it", forgotten);
        } catch (RuntimeException broken) {
            // An app that offers pictures may fail in any way, and its failure arrives here.
            throw new IOException("the app that offers it failed: " + broken, broken);
        }
    }
}
