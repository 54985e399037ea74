package org.mobilecnn.compose

import android.graphics.Bitmap
import androidx.camera.core.ImageAnalysis
import androidx.camera.core.ImageProxy
import androidx.camera.view.CameraController
import androidx.camera.view.LifecycleCameraController
import androidx.camera.view.PreviewView
import androidx.compose.foundation.layout.aspectRatio
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.runtime.Composable
import androidx.compose.runtime.DisposableEffect
import androidx.compose.runtime.remember
import androidx.compose.ui.Modifier
import androidx.compose.ui.platform.LocalContext
import androidx.compose.ui.viewinterop.AndroidView
import androidx.lifecycle.compose.LocalLifecycleOwner
import org.mobilecnn.core.Picture
import java.util.concurrent.Executors

/**
 * The camera's picture at its own speed; [frame] gets what makes a picture of what is seen of the newest frame, whenever it
 * has returned. Whatever fails in making it is [frame]'s to catch: on the camera's thread nothing would.
 */
@Composable
fun CameraPreview(frame: (() -> Picture) -> Unit) {
    val context = LocalContext.current
    val owner = LocalLifecycleOwner.current
    val analyser = remember { Executors.newSingleThreadExecutor() }
    val controller =
        remember {
            LifecycleCameraController(context).apply {
                setEnabledUseCases(CameraController.IMAGE_ANALYSIS)
                imageAnalysisBackpressureStrategy = ImageAnalysis.STRATEGY_KEEP_ONLY_LATEST
                setImageAnalysisAnalyzer(analyser) { image -> image.use { frame { seen(it) } } }
            }
        }
    // The last to be disposed of: until the camera is unbound, it has work for the thread.
    DisposableEffect(analyser) {
        onDispose { analyser.shutdown() }
    }
    DisposableEffect(owner) {
        controller.bindToLifecycle(owner)
        onDispose { controller.unbind() }
    }
    AndroidView(
        factory = { PreviewView(it).apply { this.controller = controller } },
        modifier = Modifier.fillMaxWidth().aspectRatio(1f),
    )
}

/** What the preview shows of a frame: CameraX knows it from the place of the preview on the screen. */
private fun seen(image: ImageProxy): Picture {
    val part = image.cropRect
    val shown = Bitmap.createBitmap(image.toBitmap(), part.left, part.top, part.width(), part.height())
    return pictureOf(shown, Picture.orientation(image.imageInfo.rotationDegrees))
}
