// What app-compose uses of androidx.camera.view, declared for the compiler: the artifact is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.camera.view

import android.content.Context
import android.widget.FrameLayout
import androidx.camera.core.ImageAnalysis
import androidx.lifecycle.LifecycleOwner
import java.util.concurrent.Executor

abstract class CameraController {
    var imageAnalysisBackpressureStrategy: Int = 0

    fun setEnabledUseCases(enabledUseCases: Int): Unit = TODO()

    fun setImageAnalysisAnalyzer(
        executor: Executor,
        analyzer: ImageAnalysis.Analyzer,
    ): Unit = TODO()

    companion object {
        const val IMAGE_ANALYSIS = 2
    }
}

class LifecycleCameraController(
    context: Context,
) : CameraController() {
    fun bindToLifecycle(lifecycleOwner: LifecycleOwner): Unit = TODO()

    fun unbind(): Unit = TODO()
}

class PreviewView(
    context: Context,
) : FrameLayout(context) {
    var controller: CameraController? = null
}
