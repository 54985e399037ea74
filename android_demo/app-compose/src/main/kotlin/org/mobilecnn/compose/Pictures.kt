package org.mobilecnn.compose

import android.content.ContentResolver
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Color
import android.graphics.ImageDecoder
import android.media.ExifInterface
import android.net.Uri
import android.os.Build
import org.mobilecnn.core.Picture
import java.io.ByteArrayInputStream
import java.io.IOException
import java.nio.IntBuffer

private const val UPRIGHT = 1
private const val DAMAGED = "not a picture, or damaged"

/**
 * The picture as the core reads it, whatever the bitmap holds; [orientation] is as in EXIF.
 *
 * The core lays a transparent picture on black, as Python does: the colours must not be multiplied by their alpha beforehand.
 */
fun pictureOf(
    bitmap: Bitmap,
    orientation: Int,
): Picture {
    val rows = bitmap.copy(Bitmap.Config.ARGB_8888, false) ?: throw IOException(DAMAGED)
    // Premultiplied or not as they were decoded; frames are opaque.
    return Picture(rows.width, rows.height, stored(rows), order(), orientation)
}

/** The picture of a bitmap that is upright. */
fun pictureOf(bitmap: Bitmap): Picture = pictureOf(bitmap, UPRIGHT)

private fun stored(bitmap: Bitmap) = IntArray(bitmap.width * bitmap.height).also { bitmap.copyPixelsToBuffer(IntBuffer.wrap(it)) }

/** The byte order of bitmaps here, which Android does not promise: that of one red pixel. */
private fun order(): Picture.Order {
    val one = Bitmap.createBitmap(1, 1, Bitmap.Config.ARGB_8888).apply { eraseColor(Color.RED) }
    return if (stored(one).single() == Color.RED) Picture.Order.ARGB else Picture.Order.ABGR
}

/** The photo that a user chose, upright. */
fun decode(
    resolver: ContentResolver,
    uri: Uri,
): Picture {
    if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.P) {
        return pictureOf(
            ImageDecoder.decodeBitmap(ImageDecoder.createSource(resolver, uri)) { decoder, _, _ ->
                decoder.allocator = ImageDecoder.ALLOCATOR_SOFTWARE
                decoder.isUnpremultipliedRequired = true
            },
        )
    }
    val file = resolver.openInputStream(uri)?.use { it.readBytes() } ?: throw IOException(DAMAGED)
    return pictureOf(exact(file) ?: throw IOException(DAMAGED), orientation(file))
}

/** The EXIF orientation of a picture's file, which ImageDecoder heeds by itself and BitmapFactory does not. */
private fun orientation(file: ByteArray): Int =
    try {
        ExifInterface(ByteArrayInputStream(file)).getAttributeInt(ExifInterface.TAG_ORIENTATION, UPRIGHT)
    } catch (none: IOException) {
        // The file's format has no EXIF data.
        UPRIGHT
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
