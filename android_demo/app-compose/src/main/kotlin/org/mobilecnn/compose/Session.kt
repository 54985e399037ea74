package org.mobilecnn.compose

import android.content.Context
import android.net.Uri
import android.util.Log
import org.mobilecnn.core.Outcome
import org.mobilecnn.core.Picture
import org.mobilecnn.core.Problem
import org.mobilecnn.core.ScreenState
import java.io.IOException
import java.util.concurrent.Executors
import java.util.concurrent.RejectedExecutionException

private const val TAG = "mobilecnn"
private const val THREADS = 4
private const val RESULTS = 5
private const val SURE = 0.5

/** The wish to have a photo classified; of two, also for the same photo, the later one counts. */
private class Request(
    val uri: Uri,
)

/**
 * The model and its thread: all that touches the model runs there, in the order of the calls.
 *
 * [open] loads a model. [show] is given what the screen shows after each change of it, on any thread but one at a time.
 */
class Session(
    private val context: Context,
    private val open: (Choice) -> LoadedModel = { LoadedModel.open(context.assets, it.model, it.onGpu, THREADS) },
    private val show: (ScreenModel) -> Unit,
) : AutoCloseable {
    private val executor = Executors.newSingleThreadExecutor()
    private var screen = ScreenModel(models = bundled(context.assets))

    // Used on the executor's thread only.
    private var loaded: Pair<Choice, LoadedModel>? = null

    @Volatile
    private var asked: Request? = null

    init {
        show(screen)
        screen.models.firstOrNull()?.let { choose(Choice(it, onGpu = false)) }
    }

    /** Loads a model and asks it its golden pictures; a photo that is shown is classified anew. */
    fun choose(choice: Choice) {
        change { copy(onGpu = choice.onGpu, state = state.loading(choice.model)) }
        executor.execute {
            // Of several quick choices only the last is loaded.
            if (current().choice == choice) load(choice)
        }
        asked?.let { classify(Request(it.uri)) }
    }

    /** Classifies the photo that a user chose. */
    fun photo(uri: Uri) {
        val request = Request(uri)
        // Before the screen says so: what was asked for earlier must not be shown as this photo's answer.
        asked = request
        change { copy(state = state.from(ScreenState.Source.PHOTO).working()) }
        classify(request)
    }

    /**
     * Classifies the frame of the camera that [make] makes a picture of; it returns when that is done, so that the camera
     * drops the frames between. If [make] fails, for want of memory perhaps, the user is told.
     */
    fun frame(make: () -> Picture) {
        val work = Runnable { if (current().live) attempt(::say) { answer(make()) { live } } }
        try {
            executor.submit(work).get()
        } catch (ended: RejectedExecutionException) {
            // The screen is closed for good; its camera stops in a moment.
            return
        }
    }

    /** Turns the camera on. */
    fun live() {
        asked = null
        change { copy(state = state.from(ScreenState.Source.CAMERA)) }
    }

    /** Something for the user to know. */
    fun say(text: String) = change { copy(state = state.said(text)) }

    override fun close() {
        executor.execute { unload() }
        executor.shutdown()
    }

    private fun load(choice: Choice) {
        val refuse = { why: String ->
            // A model that failed while it was loaded or checked must not answer pictures.
            unload()
            change { if (this.choice == choice) copy(state = state.refused(why)) else this }
        }
        attempt(refuse) {
            unload()
            val model = open(choice)
            loaded = choice to model
            val check = model.check()
            change { if (this.choice == choice) copy(state = state.loaded(model.passport, check)) else this }
        }
    }

    private fun unload() {
        val old = loaded
        // Whatever its closing does: it is not to be used, nor closed again.
        loaded = null
        // Nothing here can free a model that does not close, and the next one is no worse for it.
        attempt({ why -> Log.w(TAG, why) }) { old?.second?.close() }
    }

    private fun classify(request: Request) {
        asked = request
        val wanted = { asked === request }
        executor.execute {
            if (wanted()) {
                change { if (wanted()) copy(state = state.working()) else this }
                val refuse = { why: String -> change { if (wanted()) copy(state = state.said(why)) else this } }
                attempt(refuse) { answer(decode(context.contentResolver, request.uri)) { wanted() } }
            }
        }
    }

    /** Shows what the loaded model says of a picture, if that is still [wanted] then. */
    private fun answer(
        picture: Picture,
        wanted: ScreenModel.() -> Boolean,
    ) {
        val (choice, model) = loaded ?: return change { if (wanted()) copy(state = state.said(state.message)) else this }
        val scored = model.classify(picture)
        val outcome = Outcome(model.passport, scored.scores, RESULTS, SURE, scored.preprocessNanos, scored.inferenceNanos)
        // What another model said of it, or this one of another picture, would be taken for the answer that is waited for.
        change {
            when {
                this.choice != choice || !wanted() -> this
                state.source == ScreenState.Source.CAMERA -> copy(state = state.frame(outcome, 0.0))
                else -> copy(state = state.answered(outcome, 0.0, ""))
            }
        }
    }

    /** Does [work]; a failure of the model, of a picture or of another app goes to [otherwise], in words for the user. */
    private fun attempt(
        otherwise: (String) -> Unit,
        work: () -> Unit,
    ) = try {
        work()
    } catch (refusal: Problem) {
        otherwise(refusal.message.orEmpty())
    } catch (unreadable: IOException) {
        otherwise(context.getString(R.string.photo_failed, unreadable.message.orEmpty()))
    } catch (forbidden: SecurityException) {
        otherwise(context.getString(R.string.photo_failed, forbidden.message.orEmpty()))
    } catch (full: OutOfMemoryError) {
        otherwise(context.getString(R.string.out_of_memory))
    } catch (missing: LinkageError) {
        otherwise(unexpected(missing))
    } catch (failure: Exception) {
        // LiteRtException, too, which is no RuntimeException; Kotlin demands of nobody to catch it.
        otherwise(unexpected(failure))
    }

    private fun unexpected(failure: Throwable) =
        context.getString(R.string.unexpected, failure.message ?: context.getString(R.string.no_reason))

    @Synchronized
    private fun current(): ScreenModel = screen

    @Synchronized
    private fun change(step: ScreenModel.() -> ScreenModel) {
        screen = screen.step()
        show(screen)
    }
}
