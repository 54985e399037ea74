package org.mobilecnn.demo;

import android.content.ContentResolver;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.media.ExifInterface;
import android.net.Uri;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import org.mobilecnn.core.Picture;
import org.mobilecnn.core.RgbaPicture;
import org.mobilecnn.core.Upright;

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
        Picture upright = new Upright(picture(bitmap), orientation(resolver, uri));
        bitmap.recycle();
        return new Photo(upright, options.inSampleSize > 1);
    }

    /** A picture reduced for the screen, by taking every n-th pixel. */
    static Bitmap shown(Picture picture) {
        int longest = Math.max(picture.width(), picture.height());
        int step = (longest + MAX_SHOWN - 1) / MAX_SHOWN;
        int width = Math.max(1, picture.width() / step);
        int height = Math.max(1, picture.height() / step);
        int[] colors = new int[width * height];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                colors[y * width + x] = picture.argb(x * step, y * step);
            }
        }
        return Bitmap.createBitmap(colors, width, height, Bitmap.Config.ARGB_8888);
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

    /** The pixels of a bitmap that was decoded with {@link #exact}, copied. */
    static Picture picture(Bitmap bitmap) {
        // Not getPixels, which converts the colours of wide-gamut pictures; Python does not.
        ByteBuffer rgba = ByteBuffer.allocateDirect(4 * bitmap.getWidth() * bitmap.getHeight());
        bitmap.copyPixelsToBuffer(rgba);
        return new RgbaPicture(bitmap.getWidth(), bitmap.getHeight(), rgba);
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
        }
    }
}
