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
import org.mobilecnn.core.Reduction;

/** A photo as the user chose it, upright. */
final class Photo {
    /** Largest number of pixels that are decoded: 64 MB, and more than the cameras of most phones take. */
    private static final int MAX_PIXELS = 16 << 20;

    /** Largest number of pixels along the longer side of a picture on the screen. */
    private static final int MAX_SHOWN = 1024;

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
        Reduction reduced = Reduction.of(picture, MAX_SHOWN);
        return Bitmap.createBitmap(reduced.colors, reduced.width, reduced.height, Bitmap.Config.ARGB_8888);
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
