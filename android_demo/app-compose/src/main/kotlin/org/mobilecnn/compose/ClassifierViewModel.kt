package org.mobilecnn.compose

import android.app.Application
import android.graphics.Bitmap
import android.net.Uri
import androidx.lifecycle.AndroidViewModel
import androidx.lifecycle.viewModelScope
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch
import org.mobilecnn.core.Problem
import java.io.IOException
import java.util.concurrent.Executors

/** The model and its thread: all that touches it runs there, in the order of the calls. It outlives a turned screen. */
class ClassifierViewModel(
    application: Application,
) : AndroidViewModel(application) {
    private val assets = application.assets
    private val resolver = application.contentResolver
    private val executor = Executors.newSingleThreadExecutor()
    private val thread = executor.asCoroutineDispatcher()
    private val screen = MutableStateFlow(ScreenModel(models = bundled(assets)))
    private var loaded: LoadedModel? = null

    /** What the screen shows. */
    val state: StateFlow<ScreenModel> = screen.asStateFlow()

    init {
        screen.value.models
            .firstOrNull()
            ?.let { choose(it, onGpu = false) }
    }

    /** Loads a model and asks it its golden pictures. */
    fun choose(
        model: String,
        onGpu: Boolean,
    ) {
        screen.update { it.loading(model, onGpu) }
        viewModelScope.launch(thread) {
            // Of several quick choices only the last is loaded.
            if (screen.value.model != model || screen.value.gpu != onGpu) return@launch
            loaded?.close()
            loaded = null
            val verdict =
                try {
                    LoadedModel.open(assets, model, onGpu, THREADS).let {
                        loaded = it
                        verdictOf(it.check())
                    }
                } catch (refusal: Problem) {
                    Verdict.Refused(refusal.message.orEmpty())
                } catch (missing: IOException) {
                    Verdict.Refused(missing.message.orEmpty())
                }
            screen.update { if (it.model == model && it.gpu == onGpu) it.copy(verdict = verdict) else it }
        }
    }

    /** Classifies the photo that a user chose. */
    fun photo(uri: Uri) {
        live(false)
        viewModelScope.launch(thread) {
            try {
                answer(decode(resolver, uri))
            } catch (unreadable: IOException) {
                screen.update { it.copy(message = unreadable.message) }
            } catch (forbidden: SecurityException) {
                screen.update { it.copy(message = forbidden.message) }
            }
        }
    }

    /** Classifies a frame of the camera; it returns when that is done, so that the camera drops the frames between. */
    fun frame(bitmap: Bitmap) = executor.submit { if (screen.value.live) answer(bitmap) }.get()

    /** Turns the camera on or off. */
    fun live(on: Boolean) = screen.update { it.copy(live = on, message = null) }

    /** Something for the user to know. */
    fun say(text: String) = screen.update { it.copy(message = text) }

    override fun onCleared() {
        executor.execute { loaded?.close() }
        executor.shutdown()
    }

    private fun answer(bitmap: Bitmap) {
        val model = loaded ?: return
        val begin = System.nanoTime()
        try {
            val scores = model.classify(bitmap)
            val nanoseconds = System.nanoTime() - begin
            screen.update { it.answered(model.passport, scores, nanoseconds) }
        } catch (refusal: Problem) {
            screen.update { it.copy(message = refusal.message) }
        }
    }

    private companion object {
        const val THREADS = 4
    }
}
