// What app-compose uses of androidx.camera.core, declared for the compiler: the artifact is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.camera.core

import android.graphics.Bitmap
import android.graphics.Rect

interface ImageInfo {
    val rotationDegrees: Int
}

interface ImageProxy : AutoCloseable {
    val cropRect: Rect
    val imageInfo: ImageInfo

    fun toBitmap(): Bitmap
}

class ImageAnalysis private constructor() {
    fun interface Analyzer {
        fun analyze(image: ImageProxy)
    }

    companion object {
        const val STRATEGY_KEEP_ONLY_LATEST = 0
    }
}
