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
import java.util.concurrent.RejectedExecutionException

/** The model and its thread: all that touches it runs there, in the order of the calls. It outlives a turned screen. */
class ClassifierViewModel(
    private val application: Application,
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
            unload()
            val verdict =
                attempt(::refused) {
                    LoadedModel.open(assets, model, onGpu, THREADS).let {
                        loaded = it
                        verdictOf(it.passport, it.check())
                    }
                }
            screen.update { if (it.model == model && it.gpu == onGpu) it.copy(verdict = verdict) else it }
        }
    }

    /** Classifies the photo that a user chose. */
    fun photo(uri: Uri) {
        live(false)
        viewModelScope.launch(thread) { attempt(::say) { answer(decode(resolver, uri)) } }
    }

    /** Classifies a frame of the camera; it returns when that is done, so that the camera drops the frames between. */
    fun frame(bitmap: Bitmap) {
        val work = Runnable { if (screen.value.live) attempt(::say) { answer(bitmap) } }
        try {
            executor.submit(work).get()
        } catch (ended: RejectedExecutionException) {
            // The screen is closed for good; its camera stops in a moment.
            live(false)
        }
    }

    /** Turns the camera on or off. */
    fun live(on: Boolean) = screen.update { it.copy(live = on, message = null) }

    /** Something for the user to know. */
    fun say(text: String) = screen.update { it.copy(message = text) }

    override fun onCleared() {
        executor.execute(::unload)
        executor.shutdown()
    }

    private fun answer(bitmap: Bitmap) {
        val model = loaded ?: return
        val begin = System.nanoTime()
        val scores = model.classify(bitmap)
        val nanoseconds = System.nanoTime() - begin
        screen.update { it.answered(model.passport, scores, nanoseconds) }
    }

    private fun unload() {
        loaded?.close()
        loaded = null
    }

    /** Drops a model that failed while it was loaded or checked: it must not answer pictures. */
    private fun refused(why: String): Verdict {
        unload()
        return Verdict.Refused(why)
    }

    /** Does [work]; a failure of the model, of a picture or of another app goes to [otherwise], in words for the user. */
    private fun <T> attempt(
        otherwise: (String) -> T,
        work: () -> T,
    ): T =
        try {
            work()
        } catch (refusal: Problem) {
            otherwise(refusal.message.orEmpty())
        } catch (unreadable: IOException) {
            otherwise(unreadable.message.orEmpty())
        } catch (forbidden: SecurityException) {
            otherwise(forbidden.message.orEmpty())
        } catch (full: OutOfMemoryError) {
            otherwise(application.getString(R.string.out_of_memory))
        } catch (failure: RuntimeException) {
            otherwise(application.getString(R.string.unexpected, failure.toString()))
        }

    private companion object {
        const val THREADS = 4
    }
}
