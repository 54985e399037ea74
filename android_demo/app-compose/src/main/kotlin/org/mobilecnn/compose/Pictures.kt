package org.mobilecnn.compose

import android.content.ContentResolver
import android.graphics.Bitmap
import android.graphics.ImageDecoder
import android.net.Uri
import android.os.Build
import android.provider.MediaStore
import org.mobilecnn.core.Picture
import java.nio.IntBuffer

private const val UPRIGHT = 1

/** The picture as the core reads it: red, green, blue, alpha, a byte each, whatever the bitmap holds. */
fun pictureOf(bitmap: Bitmap): Picture {
    val rows = bitmap.copy(Bitmap.Config.ARGB_8888, false)
    val pixels = IntArray(rows.width * rows.height)
    // Of this configuration they are in that order, premultiplied; a photo is opaque.
    rows.copyPixelsToBuffer(IntBuffer.wrap(pixels))
    return Picture(rows.width, rows.height, pixels, Picture.Order.ABGR, UPRIGHT)
}

/** The photo that a user chose, upright, in the memory of the processor. */
fun decode(
    resolver: ContentResolver,
    uri: Uri,
): Bitmap =
    if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.P) {
        ImageDecoder.decodeBitmap(ImageDecoder.createSource(resolver, uri)) { decoder, _, _ ->
            decoder.allocator = ImageDecoder.ALLOCATOR_SOFTWARE
        }
    } else {
        @Suppress("DEPRECATION")
        MediaStore.Images.Media.getBitmap(resolver, uri)
    }
