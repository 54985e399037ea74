package org.mobilecnn.demo;

import android.graphics.Bitmap;
import java.nio.Buffer;
import java.nio.IntBuffer;
import org.robolectric.annotation.Implementation;
import org.robolectric.annotation.Implements;
import org.robolectric.annotation.RealObject;
import org.robolectric.shadow.api.Shadow;
import org.robolectric.shadows.ShadowNativeBitmap;
import org.robolectric.util.ReflectionHelpers.ClassParameter;

/** Bitmaps as other devices have them. */
@Implements(value = Bitmap.class, minSdk = 26)
public class OtherBitmaps extends ShadowNativeBitmap {
    /** Whether bitmaps of more than 8 bits a channel say that they have ten. */
    static boolean tenBits;

    /** Whether pixels have red and blue the other way round in memory. */
    static boolean swapped;

    @RealObject private Bitmap bitmap;

    /** The pixel format. */
    @Implementation
    protected Bitmap.Config getConfig() {
        Bitmap.Config config = Shadow.directlyOn(bitmap, Bitmap.class, "getConfig");
        return tenBits && config == Bitmap.Config.RGBA_F16 ? Bitmap.Config.RGBA_1010102 : config;
    }

    /** Copies the pixels as they lie in memory. */
    @Implementation
    protected void copyPixelsToBuffer(Buffer pixels) {
        Shadow.directlyOn(bitmap, Bitmap.class, "copyPixelsToBuffer", ClassParameter.from(Buffer.class, pixels));
        if (swapped) {
            IntBuffer copied = (IntBuffer) pixels;
            for (int i = 0; i < copied.capacity(); i++) {
                int pixel = copied.get(i);
                copied.put(i, pixel & 0xFF00FF00 | pixel >> 16 & 0xFF | (pixel & 0xFF) << 16);
            }
        }
    }
}
