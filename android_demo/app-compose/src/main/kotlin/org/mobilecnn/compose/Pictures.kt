package org.mobilecnn.compose

import android.content.ContentResolver
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.ImageDecoder
import android.net.Uri
import android.os.Build
import org.mobilecnn.core.Picture
import java.io.IOException
import java.nio.IntBuffer

private const val UPRIGHT = 1

/**
 * The picture as the core reads it: red, green, blue, alpha, a byte each, whatever the bitmap holds.
 *
 * The core lays a transparent picture on black, as Python does: the colours must not be multiplied by their alpha beforehand.
 */
fun pictureOf(bitmap: Bitmap): Picture {
    val rows = bitmap.copy(Bitmap.Config.ARGB_8888, false)
    val pixels = IntArray(rows.width * rows.height)
    // Of this configuration they are in that order, and premultiplied or not as they were decoded; frames are opaque.
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
            decoder.isUnpremultipliedRequired = true
        }
    } else {
        resolver.openInputStream(uri)?.use { exact(it.readBytes()) } ?: throw IOException("not a picture, or damaged")
    }

/** The pixels as they are in the file, not scaled and not premultiplied; null where it is no picture. */
fun exact(file: ByteArray): Bitmap? {
    val options =
        BitmapFactory.Options().apply {
            inScaled = false
            inPremultiplied = false
        }
    return BitmapFactory.decodeByteArray(file, 0, file.size, options)
}
